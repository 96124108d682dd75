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

	keyPrincipal = "key:" // before a key's id, the id of its principal
)

// What Lookup refuses. Clients are not told which of them it was.
var (
	ErrUnknownKey = errors.New("no such api key")
	ErrExpiredKey = errors.New("the api key has expired")
	ErrRevokedKey = errors.New("the api key was revoked")
)

// Key is one API key as the key file lists it. The key itself is kept nowhere.
type Key struct {
	ID      string    `yaml:"id"`                // unique; the principal is "key:" and this
	Name    string    `yaml:"name"`              // whose it is, for people
	Hash    string    `yaml:"hash"`              // "sha256:" and 64 hexadecimal digits
	Scopes  []string  `yaml:"scopes"`            // of mcp.ScopeRead, mcp.ScopeWrite, mcp.ScopeAdmin
	Created time.Time `yaml:"created"`           // for people
	Expires time.Time `yaml:"expires,omitempty"` // the first moment it no longer works; zero for never
	Revoked time.Time `yaml:"revoked,omitempty"` // since when it does not work, whatever else stands here; zero for never

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
	keys atomic.Pointer[KeySet]
}

// KeySet is the keys of one file, read and found to be in order. It changes nothing until a KeyStore uses it.
type KeySet struct {
	file   KeyFile
	byHash map[[sha256.Size]byte]*storedKey
	byID   map[string]*storedKey // by that of the principal
}

type storedKey struct {
	hash      [sha256.Size]byte
	expires   time.Time
	revoked   bool
	principal *mcp.Principal
	used      *atomic.Int64 // Unix seconds of the last use that we know of
}

// Load is ReadKeys and Use: with a fault in the file nothing changes.
func (s *KeyStore) Load(path string) error {
	set, err := ReadKeys(path)
	if err != nil {
		return err
	}
	s.Use(set)
	return nil
}

// Use replaces all keys by those of a set; one that was itself replaced must not come back: read it anew. When keys were last
// used stays known for those that are in both.
func (s *KeyStore) Use(set *KeySet) {
	before := s.keys.Load()
	for id, k := range set.byID {
		if was := before.of(id); was != nil && was.hash == k.hash && was.used != k.used { // equal: the set is in use already
			k.used = was.used
		}
	}
	s.keys.Store(set)
}

// ReadKeys reads a YAML file, a list of Key, and the files that it names. Every fault is in the error, which quotes no value:
// somebody may have pasted a key where its hash belongs. The set is for one KeyStore, which need not use it.
func ReadKeys(path string) (*KeySet, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the api keys: %w; toolgate keys new makes the file", err)
	}
	return parseKeys(path, text)
}

func parseKeys(path string, text []byte) (*KeySet, error) {
	var list []Key
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: not a yaml list of keys with id, name, hash, scopes, created and expires "+
			"(times like 2026-01-31T00:00:00Z)%s", path, yamlLines(err))
	}
	keys := &KeySet{
		file: KeyFile(path), byHash: make(map[[sha256.Size]byte]*storedKey, len(list)), byID: make(map[string]*storedKey, len(list)),
	}
	var faults []error
	for i, k := range list {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("%s: key %d: %s", path, i+1, fmt.Sprintf(format, args...)))
		}
		stored, err := k.stored()
		if err != nil {
			fault("%s", err)
			stored.principal = &mcp.Principal{ID: keyPrincipal + k.ID}
		}
		id := stored.principal.ID
		if keys.byID[id] != nil {
			fault("id is that of an earlier key: give each its own")
		}
		if keys.byHash[stored.hash] != nil && err == nil {
			fault("hash is that of an earlier key: make a new key instead")
		}
		keys.byID[id], keys.byHash[stored.hash] = &stored, &stored
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return keys, nil
}

// of is the key of a principal; nil where there is none.
func (set *KeySet) of(principal string) *storedKey {
	if set == nil {
		return nil
	}
	return set.byID[principal]
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
	principal := &mcp.Principal{ID: keyPrincipal + k.ID, Name: k.Name, Scopes: slices.Clone(k.Scopes), Expires: k.Expires}
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
	return storedKey{
		hash: [sha256.Size]byte(sum), expires: k.Expires, revoked: !k.Revoked.IsZero(), principal: principal, used: new(atomic.Int64),
	}, nil
}

// Lookup finds the owner of a key, ErrUnknownKey, ErrExpiredKey or ErrRevokedKey. How long it takes says nothing about the keys: what
// is looked up and compared are hashes, which a stranger cannot steer towards one that exists. The principal is shared
// between calls and must not be changed.
func (s *KeyStore) Lookup(key string) (*mcp.Principal, error) {
	sum := sha256.Sum256([]byte(key))
	var stored *storedKey
	if keys := s.keys.Load(); keys != nil {
		stored = keys.byHash[sum]
	}
	if stored == nil || subtle.ConstantTimeCompare(stored.hash[:], sum[:]) != 1 {
		return nil, ErrUnknownKey
	}
	return stored.owner()
}

// owner is whose a key is that somebody showed, or that something was given for.
func (k *storedKey) owner() (*mcp.Principal, error) {
	now := time.Now()
	switch {
	case k.revoked:
		return nil, ErrRevokedKey
	case !k.expires.IsZero() && !now.Before(k.expires):
		return nil, ErrExpiredKey
	}
	if seconds := now.Unix(); k.used.Load() != seconds {
		k.used.Store(seconds)
	}
	return k.principal, nil
}

// Principal is the owner with an id, as Lookup gave it for a key: the same, or the reason why the key is no longer good. It
// counts as a use of the key.
func (s *KeyStore) Principal(id string) (*mcp.Principal, error) {
	stored := s.keys.Load().of(id)
	if stored == nil {
		return nil, ErrUnknownKey
	}
	return stored.owner()
}

// Gone says that a principal is that of a key which is no longer good, or no longer there.
func (s *KeyStore) Gone(p *mcp.Principal) bool {
	if !strings.HasPrefix(p.ID, keyPrincipal) {
		return false
	}
	stored := s.keys.Load().of(p.ID)
	return stored == nil || stored.revoked || !stored.expires.IsZero() && !time.Now().Before(stored.expires)
}

// Verify implements Verifier.
func (s *KeyStore) Verify(_ context.Context, credential string) (*mcp.Principal, error) {
	p, err := s.Lookup(credential)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotKnown, err)
	}
	return p, nil
}
