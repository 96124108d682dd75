package middleware

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/mcp"
)

const (
	keyPrefix  = "tg_"     // tells secret scanners and people what they have found
	hashPrefix = "sha256:" // the only hash there is: keys are random, so a slow hash would protect nothing
)

// What Lookup refuses. Clients are not told which of them it was.
var (
	ErrUnknownKey = errors.New("no such api key")
	ErrExpiredKey = errors.New("the api key has expired")
)

// Key is one API key as the key file lists it. The key itself is kept nowhere.
type Key struct {
	ID      string    `yaml:"id"`                // unique; the principal is "key:" and this
	Name    string    `yaml:"name"`              // whose it is, for people
	Hash    string    `yaml:"hash"`              // "sha256:" and 64 hexadecimal digits
	Scopes  []string  `yaml:"scopes"`            // of mcp.ScopeRead, mcp.ScopeWrite, mcp.ScopeAdmin
	Created time.Time `yaml:"created"`           // for people
	Expires time.Time `yaml:"expires,omitempty"` // the first moment it no longer works; zero for never

	// Credentials are those of the key's owner for what stands behind tools, such as jira: each the secret itself, or
	// file:PATH of the file that holds it.
	Credentials map[string]string `yaml:"credentials,omitempty"`
}

// NewKey makes a key of 130 random bits. plain is shown to its owner once; the Key goes into the file.
func NewKey(name string, scopes []string) (plain string, key Key) {
	plain = keyPrefix + rand.Text()
	sum := sha256.Sum256([]byte(plain))
	return plain, Key{
		ID:      strings.ToLower(rand.Text()[:8]),
		Name:    name,
		Hash:    hashPrefix + hex.EncodeToString(sum[:]),
		Scopes:  slices.Clone(scopes),
		Created: time.Now().UTC().Truncate(time.Second),
	}
}

// KeyStore knows the hashes of API keys. The zero KeyStore knows none. Safe for concurrent use.
type KeyStore struct {
	keys atomic.Pointer[map[[sha256.Size]byte]storedKey]
}

type storedKey struct {
	hash      [sha256.Size]byte
	expires   time.Time
	principal *mcp.Principal
}

// Load replaces all keys by those of a YAML file, a list of Key. With a fault in it nothing changes and every fault is
// in the error, none of which quotes a value: somebody may have pasted a key where its hash belongs.
func (s *KeyStore) Load(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the api keys: %w", err)
	}
	var list []Key
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: not a yaml list of keys with id, name, hash, scopes, created and expires "+
			"(times like 2026-01-31T00:00:00Z)%s", path, yamlLines(err))
	}
	keys := make(map[[sha256.Size]byte]storedKey, len(list))
	ids := make(map[string]bool, len(list))
	var faults []error
	for i, k := range list {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("%s: key %d: %s", path, i+1, fmt.Sprintf(format, args...)))
		}
		stored, err := k.stored()
		if err != nil {
			fault("%s", err)
		}
		if ids[k.ID] {
			fault("id is that of an earlier key: give each its own")
		}
		if _, twice := keys[stored.hash]; twice && err == nil {
			fault("hash is that of an earlier key: make a new key instead")
		}
		ids[k.ID] = true
		keys[stored.hash] = stored
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	s.keys.Store(&keys)
	return nil
}

// yamlLines keeps where a decoding error happened and leaves out what was there.
func yamlLines(err error) string {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		return ""
	}
	var lines []string
	for _, e := range typed.Errors {
		line, _, _ := strings.Cut(e, ":")
		lines = append(lines, line)
	}
	return ": see " + strings.Join(lines, ", ")
}

func (k Key) stored() (storedKey, error) {
	var faults []string
	if k.ID == "" {
		faults = append(faults, "id is missing")
	}
	digits, ok := strings.CutPrefix(k.Hash, hashPrefix)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size {
		faults = append(faults, "hash must be sha256: and 64 hexadecimal digits")
	}
	if len(k.Scopes) == 0 {
		faults = append(faults, "scopes is empty: the key could do nothing")
	}
	for _, scope := range k.Scopes {
		if !config.IsScope(scope) {
			faults = append(faults, fmt.Sprintf("scopes may hold %s, %s, %s, and those that tools.policy names, such as jira:read", mcp.ScopeRead, mcp.ScopeWrite, mcp.ScopeAdmin))
			break
		}
	}
	if faults != nil {
		return storedKey{}, errors.New(strings.Join(faults, "; "))
	}
	principal := &mcp.Principal{ID: "key:" + k.ID, Name: k.Name, Scopes: slices.Clone(k.Scopes), Expires: k.Expires}
	if len(k.Credentials) > 0 {
		principal.Credentials = mcp.Credentials{}
	}
	for _, upstream := range slices.Sorted(maps.Keys(k.Credentials)) {
		var own config.Secret
		if err := own.UnmarshalText([]byte(k.Credentials[upstream])); err != nil {
			return storedKey{}, fmt.Errorf("credentials of %s: %w", upstream, err)
		}
		principal.Credentials[upstream] = own.Reveal()
	}
	return storedKey{hash: [sha256.Size]byte(sum), expires: k.Expires, principal: principal}, nil
}

// Lookup finds the owner of a key, ErrUnknownKey or ErrExpiredKey. How long it takes says nothing about the keys: what
// is looked up and compared are hashes, which a stranger cannot steer towards one that exists. The principal is shared
// between calls and must not be changed.
func (s *KeyStore) Lookup(key string) (*mcp.Principal, error) {
	sum := sha256.Sum256([]byte(key))
	var stored storedKey
	if keys := s.keys.Load(); keys != nil {
		stored = (*keys)[sum]
	}
	if subtle.ConstantTimeCompare(stored.hash[:], sum[:]) != 1 {
		return nil, ErrUnknownKey
	}
	if !stored.expires.IsZero() && !time.Now().Before(stored.expires) {
		return nil, ErrExpiredKey
	}
	return stored.principal, nil
}

// Verify implements Verifier.
func (s *KeyStore) Verify(_ context.Context, credential string) (*mcp.Principal, error) {
	p, err := s.Lookup(credential)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotKnown, err)
	}
	return p, nil
}
