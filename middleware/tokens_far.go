package middleware

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"toolgate/config"
)

const (
	maxDocument   = 512 << 10 // bytes of an issuer's document, decoded
	maxFarHeaders = 64 << 10  // bytes of the headers before one
	maxKeys       = 64        // of one issuer: a token without a key's name is tried with each
	minRSABits    = 2048      // of a key: shorter ones can be broken
	maxRSABits    = 8192      // longer ones cost more than they protect
)

// issuerClient asks issuers. It follows no redirect, reads no more than maxDocument, and waits no longer than timeout for one
// request.
type issuerClient struct {
	http        *http.Client
	timeout     time.Duration
	authorities []byte // PEM; nil: those of the system
}

// newIssuerClient fails where the authorities of JWT.CAFile cannot be read. A transport that is given trusts whom it likes.
func newIssuerClient(j config.JWT, transport http.RoundTripper) (*issuerClient, error) {
	authorities, roots, err := issuerAuthorities(j.CAFile)
	if err != nil {
		return nil, err
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: j.Timeout}).DialContext,
			TLSHandshakeTimeout: j.Timeout, MaxResponseHeaderBytes: maxFarHeaders, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		}
	}
	return &issuerClient{timeout: j.Timeout, authorities: authorities, http: &http.Client{
		Transport: transport, Timeout: j.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// issuerAuthorities reads a file of authorities; the empty name is for those of the system, which are nil.
func issuerAuthorities(file string) (text []byte, roots *x509.CertPool, err error) {
	if file == "" {
		return nil, nil, nil
	}
	if text, err = os.ReadFile(file); err != nil {
		return nil, nil, fmt.Errorf("auth.jwt.ca_file: %w", err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, nil, errors.New("auth.jwt.ca_file: there is no certificate in it: it must be PEM")
	}
	return text, roots, nil
}

// trusts says that what another client was told may be believed: both trust the same authorities.
func (f *issuerClient) trusts(other *issuerClient) bool {
	return bytes.Equal(f.authorities, other.authorities)
}

func (f *issuerClient) close() { f.http.CloseIdleConnections() }

// keys fetches an issuer's keys from where they are by configuration, or by the issuer's metadata.
func (f *issuerClient) keys(ctx context.Context, issuer, at string) (*issuerKeys, error) {
	if at == "" {
		document, err := f.metadata(ctx, issuer)
		if err != nil {
			return nil, err
		}
		var named struct {
			JWKS string `json:"jwks_uri"`
		}
		if err := json.Unmarshal(document, &named); err != nil || !farURL(named.JWKS) {
			return nil, fmt.Errorf("the metadata of %s names no https URL of its keys: set auth.jwt.jwks_urls", issuer)
		}
		at = named.JWKS
	}
	document, err := f.get(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys: %w", err)
	}
	return newIssuerKeys(ctx, document)
}

// metadata is what an issuer says of itself, from the first place that has it (RFC 8414, 3; OpenID Connect Discovery, 4). It
// must name the issuer exactly as tokens do.
func (f *issuerClient) metadata(ctx context.Context, issuer string) ([]byte, error) {
	var faults []error
	for _, at := range discoveryURLs(issuer) {
		document, err := f.get(ctx, at)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		var named struct {
			Issuer string `json:"issuer"`
		}
		switch err := json.Unmarshal(document, &named); {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s is no JSON document", at))
		case named.Issuer != issuer:
			faults = append(faults, fmt.Errorf("%s is of the issuer %s: write it so in auth.jwt.issuers, or set auth.jwt.jwks_urls", at, quoted(named.Issuer)))
		default:
			return document, nil
		}
	}
	return nil, fmt.Errorf("discover the issuer: %w", errors.Join(faults...))
}

// discoveryURLs are the places of an issuer's metadata, the first to be asked first.
func discoveryURLs(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	origin, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	urls := []string{origin + "/.well-known/oauth-authorization-server" + path}
	if path != "" {
		urls = append(urls, origin+"/.well-known/openid-configuration"+path)
	}
	return append(urls, origin+path+"/.well-known/openid-configuration")
}

// get fetches a document. Its errors name the place and quote nothing of what is there.
func (f *issuerClient) get(ctx context.Context, at string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "toolgate")
	answer, err := f.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	switch {
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return nil, fmt.Errorf("%s redirects, which is not followed", at)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %d", at, answer.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", at, err)
	case len(document) > maxDocument:
		return nil, fmt.Errorf("%s is larger than %d KiB", at, maxDocument>>10)
	}
	return document, nil
}

// farURL accepts an https URL, or an http one of this machine.
func farURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	addr := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || addr.IsLoopback())
}

// newIssuerKeys reads a JSON Web Key Set (RFC 7517, 5). Keys of a kind that signs no token of ours are passed over; with none left
// it fails.
func newIssuerKeys(ctx context.Context, document []byte) (*issuerKeys, error) {
	var listed struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &listed); err != nil {
		return nil, errors.New("read the keys: this is no JSON Web Key Set")
	}
	if len(listed.Keys) > maxKeys {
		return nil, fmt.Errorf("read the keys: there are more than %d", maxKeys)
	}
	store := jwkset.NewMemoryStorage()
	usable := 0
	for _, text := range listed.Keys {
		var marshalled jwkset.JWKMarshal
		if json.Unmarshal(text, &marshalled) != nil || marshalled.USE == jwkset.UseEnc {
			continue
		}
		// Certificates, and where they might be, say nothing that is asked here.
		marshalled.X5C, marshalled.X5T, marshalled.X5TS256, marshalled.X5U = nil, "", "", ""
		key, err := jwkset.NewJWKFromMarshal(marshalled, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
		if err != nil || !signs(key.Key()) {
			continue
		}
		if err := store.KeyWrite(ctx, key); err != nil {
			return nil, fmt.Errorf("read the keys: %w", err)
		}
		usable++
	}
	if usable == 0 {
		return nil, errors.New("read the keys: there is none that signs tokens by a public algorithm")
	}
	find, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: store})
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	sum := sha256.Sum256(document)
	return &issuerKeys{find: find, digest: string(sum[:])}, nil
}

// signs says whether signatures are checked by a key: a public one, and neither too short nor too long.
func signs(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		return bits >= minRSABits && bits <= maxRSABits && key.E >= 3
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}
