package oauthfront

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/middleware"
)

const (
	stateVersion = 1
	saveAfter    = time.Second // changes that come within this are written together
	notForOthers = 0o640
	maxStateFile = 256 << 20 // bytes; a file beyond is none that we wrote
)

// state is what the state file holds. Readers leave out what they do not know.
type state struct {
	Version int      `json:"version"`
	Issuer  string   `json:"issuer"` // whose clients and logins these are
	Key     []byte   `json:"key"`    // that all signatures come from
	Clients []client `json:"clients"`
	Grants  []grant  `json:"grants"` // with hashes of refresh tokens, never the tokens
}

// keeper writes the state file, from a goroutine of its own, so that no request waits for a disk. The nil keeper keeps nothing.
type keeper struct {
	path   string
	take   func() state // what is to be written
	log    *zap.Logger
	dirty  chan struct{} // holds one note that something changed
	closed chan struct{}
	wg     sync.WaitGroup
	once   sync.Once
	err    error // of the last write; read after wg
}

func newKeeper(path string, take func() state, log *zap.Logger) *keeper {
	k := &keeper{path: path, take: take, log: log, dirty: make(chan struct{}, 1), closed: make(chan struct{})}
	k.wg.Go(k.run)
	return k
}

// changed notes that there is something to write. It never blocks.
func (k *keeper) changed() {
	if k == nil {
		return
	}
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

func (k *keeper) run() {
	for {
		select {
		case <-k.dirty:
		case <-k.closed:
			k.save()
			return
		}
		wait := time.NewTimer(saveAfter)
		select {
		case <-wait.C:
		case <-k.closed:
			wait.Stop()
		}
		k.save()
	}
}

func (k *keeper) save() {
	if k.err = writeState(k.path, k.take()); k.err != nil {
		k.log.Error("the logins of the OAuth front are not kept: clients will have to log in anew after a restart",
			zap.String("file", k.path), zap.Error(k.err))
	}
}

// close writes once more, and waits for it.
func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	k.once.Do(func() { close(k.closed) })
	k.wg.Wait()
	return k.err
}

// writeState replaces the file as a whole: whoever reads it finds the old or the new. It stays whose it was.
func writeState(path string, s state) error {
	text, err := encodeState(s)
	if err == nil {
		err = middleware.ReplaceFile(path, text)
	}
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

// encodeState is the text of the file, which is never more than readState reads. It escapes what JSON wants escaped and no more:
// redirect URIs are full of &, which would be six bytes each.
func encodeState(s state) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return nil, err
	}
	if text.Len() > maxStateFile {
		return nil, fmt.Errorf("it would be %v, and %v at most are read: lower auth.front.clients", config.Bytes(text.Len()), config.Bytes(maxStateFile))
	}
	return text.Bytes(), nil
}

// checkFolder says why a file could not be written, as far as that is seen without writing it.
func checkFolder(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("auth.front.state_file: write the state: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("auth.front.state_file: write the state: %s is no folder", filepath.Dir(path))
	}
	return nil
}

// readState reads the file, or begins a state where there is none. A state of another issuer is nobody's: its tokens were for
// another place. What it says beside that is checked by restorable.
func readState(path, issuer string, log *zap.Logger) (state, error) {
	fresh := state{Version: stateVersion, Issuer: issuer, Key: make([]byte, masterBytes)}
	_, _ = rand.Read(fresh.Key) // never fails
	if path == "" {
		return fresh, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fresh, nil
	case err != nil:
		return state{}, err
	case !info.Mode().IsRegular() || info.Size() > maxStateFile:
		return state{}, fmt.Errorf("%s is no file that this server wrote", path)
	case info.Mode().Perm()&^notForOthers != 0:
		log.Warn("others could read the state of the OAuth front; the server that keeps it takes that from them",
			zap.String("file", path), zap.Stringer("mode", info.Mode().Perm()))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return state{}, err
	}
	var s state
	switch err := json.Unmarshal(text, &s); {
	case err != nil || len(s.Key) != masterBytes: // the error might quote what it found
		return state{}, fmt.Errorf("%s cannot be read as what this server wrote: remove it, and every client logs in anew", path)
	case s.Version > stateVersion:
		return state{}, fmt.Errorf("%s is of a later version of this server: use that one, or remove the file, and every client logs in anew", path)
	case s.Issuer != issuer:
		log.Warn("server.public_url has changed, so every client logs in anew", zap.String("from", s.Issuer), zap.String("to", issuer))
		return fresh, nil
	}
	return s.restorable(), nil
}

// restorable leaves out what would not be taken today.
func (s state) restorable() state {
	out := s
	out.Version, out.Clients, out.Grants = stateVersion, nil, nil
	for _, c := range s.Clients {
		kept, err := metadata{Name: c.Name, RedirectURIs: c.RedirectURIs}.client(c.ID)
		if err == nil && c.ID != "" && !documentID(c.ID) {
			kept.Created, kept.Used = c.Created, c.Used
			out.Clients = append(out.Clients, *kept)
		}
	}
	now := time.Now()
	for _, g := range s.Grants {
		if g.ID != "" && g.Client != "" && g.Key != "" && g.Refresh != "" && now.Before(g.Expires) {
			out.Grants = append(out.Grants, g)
		}
	}
	return out
}
