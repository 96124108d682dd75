package handlers

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/handlers/oauthfront"
	"toolgate/mcp"
	"toolgate/middleware"
)

// Faces is the HTTP face in force, and makes those of other configurations: one may take its place while requests are under
// way. Each request, and each stream, is served to its end by the face it began with. What outlives a face is kept here: the
// keys and their last use, what is known of issuers, the OAuth front.
//
// ServeHTTP, Drain, Config, KeyFile, Files, NoteUse and Gone may be called from any goroutine, once Use was; the others from one at a time.
type Faces struct {
	opts     FacesOptions
	keys     middleware.KeyStore
	api      atomic.Pointer[API]
	cfg      atomic.Pointer[config.Config]
	draining atomic.Bool

	// Of the face in force.
	tokens   *middleware.Tokens // nil: none are taken
	accepted middleware.TokenOptions
	front    *oauthfront.Front // nil: it is off
}

// FacesOptions are what every face stands on. All are required but Sessions.
type FacesOptions struct {
	Version  string
	Server   *mcp.Server
	Sessions Sessions // nil: faces are judged and never used, and no file is written
	Counters *middleware.Counters
	Metrics  *Metrics
	Log      *zap.Logger
}

// NewFaces makes faces of which none is in force. Close ends them.
func NewFaces(o FacesOptions) *Faces { return &Faces{opts: o} }

// Face is one that could be put in force, and what was made for it. Nothing of it counts before Use.
type Face struct {
	cfg      config.Config
	api      *API
	keys     *middleware.KeySet // nil: no keys are asked for
	tokens   *middleware.Tokens
	accepted middleware.TokenOptions
	front    *oauthfront.Front
}

// Make makes the face of a configuration. What the one in force stands on and would be made the same is used again. The
// caller uses or discards it. An error names the key to change.
func (f *Faces) Make(cfg config.Config) (*Face, error) {
	next := &Face{cfg: cfg}
	o := Options{
		Config: cfg, Version: f.opts.Version, Server: f.opts.Server, Sessions: f.opts.Sessions, Counters: f.opts.Counters,
		Refused: f.opts.Metrics.Refused, Draining: &f.draining, Log: f.opts.Log,
	}
	if cfg.Metrics.Enabled && cfg.Metrics.Listen == "" {
		o.Metrics = f.opts.Metrics.Handler()
	}
	err := f.verifiers(next, &o)
	if err == nil {
		next.api, err = New(o)
	}
	if err != nil {
		f.Discard(next)
		return nil, err
	}
	return next, nil
}

// verifiers adds to o, and to next, who finds out whose a credential is.
func (f *Faces) verifiers(next *Face, o *Options) (err error) {
	auth := next.cfg.Auth
	if auth.UsesKeys() {
		if next.keys, err = middleware.ReadKeys(auth.KeysFile); err != nil {
			return fmt.Errorf("auth.keys_file: %w", err)
		}
		if auth.Has(config.AuthKeys) {
			o.Verifiers = append(o.Verifiers, &f.keys)
		}
	}
	if auth.UsesTokens() {
		next.accepted = middleware.TokenOptions{JWT: auth.JWT, Resource: next.cfg.ResourceURL(), Log: f.opts.Log}
		same := reflect.DeepEqual(next.accepted.JWT, f.accepted.JWT) && next.accepted.Resource == f.accepted.Resource
		if next.tokens = f.tokens; next.tokens == nil || !same {
			wanted := next.accepted
			wanted.Previous = f.tokens
			if next.tokens, err = middleware.NewTokens(wanted); err != nil {
				return fmt.Errorf("auth.jwt: %w", err)
			}
		}
		o.Tokens, o.Verifiers = next.tokens, append(o.Verifiers, next.tokens)
	}
	if auth.Has(config.AuthFront) {
		if next.front = f.front; next.front == nil {
			next.front, err = oauthfront.New(oauthfront.Options{
				Config: next.cfg, Keys: &f.keys, ReadOnly: f.opts.Sessions == nil, Log: f.opts.Log,
			})
			if err != nil {
				return fmt.Errorf("auth.front: %w", err)
			}
		}
		o.Front, o.Verifiers = next.front, append(o.Verifiers, next.front)
	}
	return nil
}

// Use puts a face in force, and lets go of what it replaces.
func (f *Faces) Use(next *Face) {
	if next.keys == nil {
		next.keys = new(middleware.KeySet) // none is good any more
	}
	f.keys.Use(next.keys)
	replaced := Face{tokens: f.tokens, front: f.front}
	f.tokens, f.accepted, f.front = next.tokens, next.accepted, next.front
	f.api.Store(next.api)
	f.cfg.Store(&next.cfg)
	f.Discard(&replaced)
}

// Discard lets go of what a face stands on and the one in force does not. Requests that began with it go on with what it has.
func (f *Faces) Discard(face *Face) {
	if face.tokens != nil && face.tokens != f.tokens {
		face.tokens.Close()
	}
	if face.front != nil && face.front != f.front {
		if err := face.front.Close(); err != nil {
			f.opts.Log.Warn("close the OAuth front", zap.Error(err))
		}
	}
}

// Close lets go of all that faces stand on, once nothing is served any more. It blocks as long as that takes.
func (f *Faces) Close() {
	last := Face{tokens: f.tokens, front: f.front}
	f.tokens, f.front = nil, nil
	f.Discard(&last)
}

// Config is that of the face in force.
func (f *Faces) Config() *config.Config { return f.cfg.Load() }

// KeyFile is the file of keys in force; empty where none are asked for.
func (f *Faces) KeyFile() middleware.KeyFile {
	if auth := f.Config().Auth; auth.UsesKeys() {
		return middleware.KeyFile(auth.KeysFile)
	}
	return ""
}

// Files lists what the face in force was made of beside its configuration.
func (f *Faces) Files() []string {
	if file := f.KeyFile(); file != "" {
		return []string{string(file)}
	}
	return nil
}

// RereadKeys takes the keys in force as their file has them now. With a fault in it nothing changes.
func (f *Faces) RereadKeys() error {
	file := f.KeyFile()
	if file == "" {
		return nil
	}
	keys, err := middleware.ReadKeys(string(file))
	if err != nil {
		return fmt.Errorf("auth.keys_file: %w", err)
	}
	f.keys.Use(keys)
	return nil
}

// Gone says that a principal is that of a key which is no longer good.
func (f *Faces) Gone(p *mcp.Principal) bool { return f.keys.Gone(p) }

// NoteUse keeps the last use of keys until ctx ends; it blocks as long.
func (f *Faces) NoteUse(ctx context.Context) { f.keys.NoteUse(ctx, f.KeyFile, f.opts.Log) }

// Drain makes /readyz say 503 from now on: the first step of a shutdown.
func (f *Faces) Drain() { f.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (f *Faces) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.api.Load().ServeHTTP(w, r) }
