package middleware

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	newFileMode  = 0o600 // of a file that was not there: it is its maker's alone
	keptFileMode = 0o640 // what stays of an older file's mode: its group may read it, for a server that is of the group
)

// KeyFile is the path of a file of API keys, for whoever changes it. What people wrote there stays, their comments too. Two
// changes at the same moment are not for it: the later one wins.
type KeyFile string

// Keys lists the keys of the file as it stands; one that is not there has none.
func (f KeyFile) Keys() ([]Key, error) {
	list, _, err := f.read()
	return list, err
}

// Add puts a key at the end of the file, which is made where it is not there.
func (f KeyFile) Add(key Key) error {
	_, doc, err := f.read()
	if err != nil {
		return err
	}
	var entry yaml.Node
	if err := entry.Encode(key); err != nil {
		return fmt.Errorf("encode the key: %w", err)
	}
	list := doc.Content[0]
	list.Content = append(list.Content, &entry)
	return f.write(doc)
}

// ErrNoSuchKey says that the file has no key of that id or name.
var ErrNoSuchKey = errors.New("there is no such key")

// Revoke marks the key of an id, or of a name that one working key alone has, so that it is good for nothing from the next
// look at the file. It stays there, so that its id in older records still means somebody.
func (f KeyFile) Revoke(name string, now time.Time) (Key, error) {
	list, doc, err := f.read()
	if err != nil {
		return Key{}, err
	}
	found, err := findKey(list, name)
	if err != nil {
		return Key{}, err
	}
	key := list[found]
	key.Revoked = now.UTC().Truncate(time.Second)
	var mark yaml.Node
	if err := mark.Encode(map[string]time.Time{"revoked": key.Revoked}); err != nil {
		return Key{}, fmt.Errorf("encode the time: %w", err)
	}
	entry := doc.Content[0].Content[found]
	if entry.Kind != yaml.MappingNode {
		return Key{}, fmt.Errorf("the key %s is written by reference: add revoked to it by hand", key.ID)
	}
	entry.Content = append(entry.Content, mark.Content...)
	return key, f.write(doc)
}

// findKey is the index of the key that a name means.
func findKey(list []Key, name string) (int, error) {
	found := -1
	for i, k := range list {
		if k.ID == name {
			if !k.Revoked.IsZero() {
				return 0, fmt.Errorf("the key %s was revoked at %s already", k.ID, k.Revoked.Format(time.RFC3339))
			}
			return i, nil
		}
		if k.Name != name || !k.Revoked.IsZero() {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("several keys are named %q: revoke one by its id, as toolgate keys list shows it", name)
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("%w: %q is neither the id nor the name of a key that works; toolgate keys list shows them", ErrNoSuchKey, name)
	}
	return found, nil
}

// read is the file as keys, and as a document whose first content is their list.
func (f KeyFile) read() ([]Key, *yaml.Node, error) {
	empty := func() *yaml.Node {
		return &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode}}}
	}
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, empty(), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the api keys: %w", err)
	}
	doc := &yaml.Node{}
	if err := yaml.Unmarshal(text, doc); err != nil {
		return nil, nil, fmt.Errorf("%s: not yaml", f) // the parser's own error quotes the file
	}
	if doc.Kind == 0 || doc.Content[0].ShortTag() == "!!null" { // nothing, or comments alone
		return nil, empty(), nil
	}
	var list []Key
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&list); err != nil {
		return nil, nil, fmt.Errorf("%s: not a yaml list of keys%s", f, yamlLines(err))
	}
	return list, doc, nil
}

// write puts another file in the place of this one, at once.
func (f KeyFile) write(doc *yaml.Node) error {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(doc), encoder.Close()); err != nil {
		return fmt.Errorf("encode the api keys: %w", err)
	}
	if _, err := parseKeys(string(f), text.Bytes()); err != nil { // nothing that the server would refuse
		return err
	}
	return ReplaceFile(string(f), text.Bytes())
}

// ReplaceFile puts a file of this content in the place of the one of a name, at once: who reads it finds the old content or the
// new, and a fault leaves the old. The new file has the old one's owner, its group, and its mode as far as that is within 0640;
// where there was none it is its maker's alone, by 0600. A link to a file stays one, and the file behind it is replaced.
//
// The folder must let its caller make files. Where several write at the same moment, the last one wins.
func ReplaceFile(name string, content []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // there is none once it was renamed
	_, err = temporary.Write(content)
	err = errors.Join(err, readableAs(name, temporary), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// readableAs lets those read f who may read the file of a name: root must not take a file from the server.
func readableAs(name string, f *os.File) error {
	old, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Chmod(newFileMode)
	}
	if err != nil {
		return err
	}
	if err := sameOwner(old, f); err != nil {
		return fmt.Errorf("%w: do this as root, or as its owner, who must be of its group", err)
	}
	return f.Chmod(old.Mode().Perm() & keptFileMode)
}
