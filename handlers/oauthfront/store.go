package oauthfront

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	codeTTL        = time.Minute // from the login to the client's request, which programs make at once
	maxClientBytes = 64 << 20    // of all clients as they are kept: a part of what the state file may hold
	maxCodes       = 10_000      // a key is needed for each
	maxGrants      = 10_000      // logins that stand
	maxKeyGrants   = 200         // of one key, so that nobody's clients push out those of others
	refreshPrefix  = "tgr_"      // tells secret scanners and people what they have found
	clientIDPrefix = "tgc_"
)

// What the store refuses.
var (
	errNoCode     = errors.New("the code is unknown, or too old, or was used before: log in again")
	errNoGrant    = errors.New("the refresh token is unknown, or too old: log in again")
	errReused     = errors.New("the refresh token was used before, so the login has ended: log in again")
	errNotTheSame = errors.New("the code was given to another client, or for another redirect_uri")
)

// grant is what somebody let a client do: one login, from which all its tokens come.
type grant struct {
	ID      string    `json:"id"`
	Client  string    `json:"client"`
	Key     string    `json:"key"` // the id of the principal whose key was shown
	Scopes  []string  `json:"scopes"`
	Refresh string    `json:"refresh"` // the hash of the refresh token that is good
	Expires time.Time `json:"expires"` // unless the client comes back before
}

// code is an authorization code, from the login until it is exchanged. It stays when it was used, to be known again.
type code struct {
	grant       grant // its ID, Refresh and Expires come with the exchange
	redirectURI string
	challenge   string
	expires     time.Time
	used        bool
}

// store holds clients, codes and grants, all of them bounded. Safe for concurrent use; nothing in it waits.
type store struct {
	ttl     time.Duration // of a grant that is not used
	changed func()        // told after each change that is to be kept; must not block

	mu     sync.Mutex
	limit  int                            // of clients
	room   int                            // for them, in bytes
	bytes  int                            // that they take
	fresh  *simplelru.LRU[string, client] // by which nobody has logged in yet
	proven *simplelru.LRU[string, client]
	codes  *simplelru.LRU[[sha256.Size]byte, *code]
	grants *simplelru.LRU[string, grant]
}

func newStore(clients int, ttl time.Duration, changed func()) (*store, error) {
	s := &store{ttl: ttl, limit: clients, room: maxClientBytes, changed: changed}
	var err1, err2, err3, err4 error
	s.fresh, err1 = simplelru.NewLRU[string, client](clients, nil)
	s.proven, err2 = simplelru.NewLRU[string, client](clients, nil)
	s.codes, err3 = simplelru.NewLRU[[sha256.Size]byte, *code](maxCodes, nil)
	s.grants, err4 = simplelru.NewLRU[string, grant](maxGrants, nil)
	return s, errors.Join(err1, err2, err3, err4)
}

// register keeps a client under a new id. Where there is no room the one that nobody logged in by goes first, and of those the
// one that was seen longest ago: strangers who register do not push out what is in use.
func (s *store) register(c client) client {
	c.ID = clientIDPrefix + rand.Text()
	s.mu.Lock()
	s.keepClient(c)
	s.mu.Unlock()
	s.changed()
	return c
}

func (s *store) keepClient(c client) {
	for _, list := range []*simplelru.LRU[string, client]{s.fresh, s.proven} { // a file may name one twice
		if was, ok := list.Peek(c.ID); ok {
			list.Remove(c.ID)
			s.bytes -= was.size()
		}
	}
	for s.fresh.Len()+s.proven.Len() >= s.limit || s.bytes > s.room-c.size() {
		if !s.forgetOldest() {
			break
		}
	}
	list := s.fresh
	if c.Used {
		list = s.proven
	}
	list.Add(c.ID, c)
	s.bytes += c.size()
}

// forgetOldest makes room by one client. It says whether there was one.
func (s *store) forgetOldest() bool {
	_, c, ok := s.fresh.RemoveOldest()
	if !ok {
		_, c, ok = s.proven.RemoveOldest()
	}
	if ok {
		s.bytes -= c.size()
	}
	return ok
}

// client finds a registered client.
func (s *store) client(id string) (*client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.proven.Get(id); ok {
		return &c, true
	}
	c, ok := s.fresh.Get(id)
	return &c, ok
}

// trusted says that somebody logged in by a client: a registered one at any time, one with a document by a login that stands.
func (s *store) trusted(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !documentID(id) {
		return s.proven.Contains(id)
	}
	now := time.Now()
	return slices.ContainsFunc(s.grants.Values(), func(g grant) bool { return g.Client == id && now.Before(g.Expires) })
}

// prove notes that somebody logged in by a client.
func (s *store) prove(id string) {
	if c, ok := s.fresh.Peek(id); ok {
		s.fresh.Remove(id)
		c.Used = true
		s.proven.Add(id, c)
	}
}

// authorize gives a code for what somebody let a client do.
func (s *store) authorize(c code) string {
	text := rand.Text() + rand.Text()
	c.expires = time.Now().Add(codeTTL)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes.Add(sha256.Sum256([]byte(text)), &c)
	return text
}

// redeem exchanges a code, once. A second time ends what came of the first (OAuth 2.1, 4.1.3): one of the two asking was
// not meant to have it.
func (s *store) redeem(text, clientID, redirectURI, verifier string) (grant, string, error) {
	defer s.changed()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes.Peek(sha256.Sum256([]byte(text)))
	if !ok {
		return grant{}, "", errNoCode
	}
	if c.used {
		s.grants.Remove(c.grant.ID)
		return grant{}, "", errNoCode
	}
	c.used = true
	if !time.Now().Before(c.expires) {
		return grant{}, "", errNoCode
	}
	if c.grant.Client != clientID || redirectURI != "" && c.redirectURI != redirectURI {
		return grant{}, "", errNotTheSame
	}
	if err := op.AuthorizeCodeChallenge(verifier, &oidc.CodeChallenge{Challenge: c.challenge, Method: oidc.CodeChallengeMethodS256}); err != nil {
		return grant{}, "", err
	}
	c.grant.ID = rand.Text()
	g, refresh := s.renew(c.grant)
	s.prove(clientID)
	s.boundKey(g.Key)
	return g, refresh, nil
}

// renew gives a grant its next refresh token, which is told once.
func (s *store) renew(g grant) (grant, string) {
	refresh := refreshPrefix + g.ID + rand.Text()
	g.Refresh, g.Expires = hashOf(refresh), time.Now().Add(s.ttl)
	s.grants.Add(g.ID, g)
	return g, refresh
}

// boundKey ends the oldest grant of a key that has too many.
func (s *store) boundKey(key string) {
	var oldest string
	count := 0
	for _, g := range s.grants.Values() { // from the one that is longest unused
		if g.Key == key {
			if count++; count == 1 {
				oldest = g.ID
			}
		}
	}
	if count > maxKeyGrants {
		s.grants.Remove(oldest)
	}
}

// rotate exchanges a refresh token of a client for the next. check may refuse before anything has changed. A token that was
// good once, or was never one of this login, ends the login and all that came of it (OAuth 2.1, 4.3.1): it has been seen by
// somebody whom it was not meant for.
func (s *store) rotate(refresh, clientID string, check func(g grant) error) (grant, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.live(grantOf(refresh))
	if !ok || g.Client != clientID {
		return grant{}, "", errNoGrant
	}
	if subtle.ConstantTimeCompare([]byte(g.Refresh), []byte(hashOf(refresh))) != 1 {
		s.grants.Remove(g.ID)
		s.changed()
		return grant{}, "", errReused
	}
	if err := check(g); err != nil {
		return grant{}, "", err
	}
	g, next := s.renew(g)
	s.changed()
	return g, next, nil
}

// grant finds a login that stands.
func (s *store) grant(id string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(id)
}

func (s *store) live(id string) (grant, bool) {
	g, ok := s.grants.Peek(id)
	return g, ok && time.Now().Before(g.Expires)
}

// end ends a login, if it is one of that client.
func (s *store) end(id, clientID string) {
	s.mu.Lock()
	if g, ok := s.grants.Peek(id); ok && g.Client == clientID {
		s.grants.Remove(id)
	}
	s.mu.Unlock()
	s.changed()
}

// kept is what is to be kept of the store: clients and grants from the one longest unused to the latest.
func (s *store) kept() (clients []client, grants []grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	grants = slices.DeleteFunc(s.grants.Values(), func(g grant) bool { return !now.Before(g.Expires) })
	return slices.Concat(s.fresh.Values(), s.proven.Values()), grants
}

// restore takes what kept gave.
func (s *store) restore(clients []client, grants []grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range clients {
		s.keepClient(c)
	}
	for _, g := range grants {
		s.grants.Add(g.ID, g)
	}
}

// grantOf is the login that a refresh token says it is of.
func grantOf(refresh string) string {
	rest, ok := strings.CutPrefix(refresh, refreshPrefix)
	if id := len(rand.Text()); ok && len(rest) == 2*id {
		return rest[:id]
	}
	return ""
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
