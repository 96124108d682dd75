package oauthfront

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	accessPrefix = "tga_" // tells secret scanners and people what they have found, and tokens of issuers from ours
	masterBytes  = 32     // of the key that all others come from
)

// seal makes texts that strangers carry for us and cannot change: access tokens, and the logins that are under way. Nothing
// is kept for either, so that strangers who ask for logins fill no memory. Nobody but this server reads them, which is why one
// secret key does.
type seal struct {
	issuer, resource      string
	access, login, answer []byte // keys, one a purpose
}

func newSeal(master []byte, issuer, resource string) (*seal, error) {
	if len(master) != masterBytes {
		return nil, errors.New("the signing key has the wrong length")
	}
	s := &seal{issuer: issuer, resource: resource}
	for purpose, key := range map[string]*[]byte{"access": &s.access, "login": &s.login, "answer": &s.answer} {
		derived, err := hkdf.Key(sha256.New, master, nil, "toolgate oauth front "+purpose, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
		*key = derived
	}
	return s, nil
}

// accessClaims are what an access token says (RFC 9068, 2.2, as far as it matters to the one who reads it).
type accessClaims struct {
	jwt.RegisteredClaims
	Grant string `json:"gid"`
	Scope string `json:"scope"`
}

func (c *accessClaims) scopes() []string { return strings.Fields(c.Scope) }

// newAccess makes an access token for a login.
func (s *seal) newAccess(g grant, scopes []string, ttl time.Duration) (string, error) {
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, &accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Audience: jwt.ClaimStrings{s.resource}, Subject: g.Key, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
		Grant: g.ID, Scope: strings.Join(scopes, " "),
	}).SignedString(s.access)
	return accessPrefix + token, err
}

// readAccess reads an access token that was made here, for this resource, and has not expired.
func (s *seal) readAccess(token string) (*accessClaims, error) {
	claims := new(accessClaims)
	text, ok := strings.CutPrefix(token, accessPrefix)
	if !ok {
		return nil, jwt.ErrTokenMalformed
	}
	return claims, s.read(text, claims, s.access, jwt.WithAudience(s.resource))
}

// loginClaims are an authorization request that was found good, on its way through the browser to the login page and back.
type loginClaims struct {
	jwt.RegisteredClaims
	Client      string   `json:"client"`
	Name        string   `json:"name,omitempty"`
	RedirectURI string   `json:"redirect_uri"`
	State       string   `json:"state,omitempty"`
	Challenge   string   `json:"challenge"`
	Scopes      []string `json:"scopes,omitempty"` // asked for; none for what the key has, but administration
}

func (s *seal) newLogin(l *loginClaims, ttl time.Duration) (string, error) {
	l.Issuer, l.ExpiresAt = s.issuer, jwt.NewNumericDate(time.Now().Add(ttl))
	return jwt.NewWithClaims(jwt.SigningMethodHS256, l).SignedString(s.login)
}

func (s *seal) readLogin(text string) (*loginClaims, error) {
	l := new(loginClaims)
	return l, s.read(text, l, s.login)
}

func (s *seal) read(text string, into jwt.Claims, key []byte, more ...jwt.ParserOption) error {
	parser := jwt.NewParser(append(slices.Clip(more), jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(s.issuer), jwt.WithExpirationRequired())...)
	_, err := parser.ParseWithClaims(text, into, func(*jwt.Token) (any, error) { return key, nil })
	return err
}

// answerTo is what only a page that we showed to the browser with that cookie can send back with that login: it binds the one
// to the other.
func (s *seal) answerTo(login, cookie string) string {
	mac := hmac.New(sha256.New, s.answer)
	mac.Write([]byte(cookie + "\n" + login)) // neither holds a line break: both were checked or made here
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// newCookie makes the value of a browser's cookie, which is signed.
func (s *seal) newCookie() string {
	nonce := rand.Text()
	return nonce + "." + s.answerTo("", nonce)
}

func (s *seal) knowsCookie(value string) bool {
	nonce, signature, _ := strings.Cut(value, ".")
	return hmac.Equal([]byte(signature), []byte(s.answerTo("", nonce)))
}
