package oauthfront

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	goleak.VerifyTestMain(m)
}

const (
	publicURL = "https://tools.example.com"
	callback  = "http://127.0.0.1:4711/callback"
	verifier  = "a-verifier-of-some-length-that-nobody-else-knows"
)

// world is a front, with the keys that people paste, served by a router as the program does it.
type world struct {
	t      *testing.T
	front  *Front
	keys   *middleware.KeyStore
	file   string // of keys
	listed []middleware.Key
	key    string // with tools:write
	keyID  string // its principal
	cfg    config.Config
	router *gin.Engine
	logs   *observer.ObservedLogs
	jar    map[string]string // the browser's cookies
}

// newWorld makes a front. change may change its configuration.
func newWorld(t *testing.T, change func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, keys: &middleware.KeyStore{}, file: filepath.Join(t.TempDir(), "keys.yaml"), cfg: config.Default(), jar: map[string]string{}}
	w.cfg.Server.PublicURL = publicURL
	w.cfg.Auth.Mode = []string{config.AuthFront}
	if change != nil {
		change(&w.cfg)
	}
	w.key, w.keyID = w.addKey(mcp.ScopeWrite)
	w.open()
	return w
}

// open makes the front of the world's configuration; it is closed with the test.
func (w *world) open() { w.openAs(false) }

func (w *world) openAs(readOnly bool) {
	w.t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	front, err := New(Options{Config: w.cfg, Keys: w.keys, ReadOnly: readOnly, Log: zap.New(core)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.front, w.logs = front, logs
	w.t.Cleanup(func() { _ = front.Close() })
	w.router = gin.New()
	front.Mount(w.router, w.router.Group(w.cfg.Server.BasePath))
}

// addKey adds a key to the file that is looked at.
func (w *world) addKey(scopes ...string) (plain, principal string) {
	plain, key := middleware.NewKey("tester", scopes)
	w.listed = append(w.listed, key)
	w.saveKeys()
	return plain, "key:" + key.ID
}

func (w *world) saveKeys() {
	w.t.Helper()
	text, err := yaml.Marshal(w.listed)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.file, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := w.keys.Load(w.file); err != nil {
		w.t.Fatal(err)
	}
}

// do sends one request as a browser with the world's cookies would. Headers come in pairs.
func (w *world) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range w.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	out := httptest.NewRecorder()
	w.router.ServeHTTP(out, r)
	result := out.Result()
	_, _ = io.Copy(io.Discard, result.Body)
	_ = result.Body.Close()
	for _, cookie := range result.Cookies() {
		w.jar[cookie.Name] = cookie.Value
	}
	return out
}

func (w *world) post(path string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do(http.MethodPost, w.cfg.Server.BasePath+path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// registerClient registers a client and returns its id.
func (w *world) registerClient(redirectURIs ...string) string {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"client_name": "Test Client", "redirect_uris": redirectURIs})
	if err != nil {
		w.t.Fatal(err)
	}
	got := w.do(http.MethodPost, w.cfg.Server.BasePath+registerPath, string(body), "Content-Type", "application/json")
	if got.Code != http.StatusCreated {
		w.t.Fatalf("registering %q: got %d %s, want 201", redirectURIs, got.Code, got.Body)
	}
	return decode[registered](w.t, got).ID
}

func decode[T any](t *testing.T, from *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(from.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %v", from.Body, err)
	}
	return v
}

// request is a good authorization request of a client, with some parameters changed: pairs of name and value, where "-" takes
// one away.
func request(client string, changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	v := url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "state": {"state of the client"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"resource": {publicURL + "/mcp"},
	}
	for i := 0; i < len(changes); i += 2 {
		if v.Del(changes[i]); changes[i+1] != "-" {
			v.Set(changes[i], changes[i+1])
		}
	}
	return v
}

func (w *world) ask(v url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do(http.MethodGet, w.cfg.Server.BasePath+authorizePath+"?"+v.Encode(), "")
}

// location is where an answer sends the browser, below the public URL.
func (w *world) location(from *httptest.ResponseRecorder) string {
	w.t.Helper()
	if from.Code != http.StatusSeeOther {
		w.t.Fatalf("got %d %s, want 303", from.Code, from.Body)
	}
	return from.Header().Get("Location")
}

// page follows an authorization request to the login page, and returns the form that it shows.
func (w *world) page(v url.Values) (form url.Values, page *httptest.ResponseRecorder) {
	w.t.Helper()
	to, ok := strings.CutPrefix(w.location(w.ask(v)), w.front.issuer)
	if !ok {
		w.t.Fatalf("the browser is sent to another place than the login page: %s", to)
	}
	page = w.do(http.MethodGet, w.cfg.Server.BasePath+to, "")
	if page.Code != http.StatusOK {
		w.t.Fatalf("the login page: got %d %s, want 200", page.Code, page.Body)
	}
	return hidden(page.Body.String()), page
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

func hidden(page string) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return form
}

// submit posts the form of a page, with a key and what to do.
func (w *world) submit(form url.Values, key, do string) *httptest.ResponseRecorder {
	w.t.Helper()
	form.Set("key", key)
	form.Set("do", do)
	return w.post(loginPath, form)
}

// back is what the client is told in the end.
func (w *world) back(from *httptest.ResponseRecorder) url.Values {
	w.t.Helper()
	u, err := url.Parse(w.location(from))
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Query()
}

// login goes the whole way to a code.
func (w *world) login(key string, v url.Values) string {
	w.t.Helper()
	form, _ := w.page(v)
	answer := w.back(w.submit(form, key, "allow"))
	if answer.Get("code") == "" {
		w.t.Fatalf("no code in the answer %v", answer)
	}
	return answer.Get("code")
}

type tokenAnswer struct {
	Access      string `json:"access_token"`
	Type        string `json:"token_type"`
	Refresh     string `json:"refresh_token"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Description string `json:"error_description"`

	status int
}

func (w *world) tokens(form url.Values) tokenAnswer {
	w.t.Helper()
	got := w.post(tokenPath, form)
	answer := decode[tokenAnswer](w.t, got)
	if answer.status = got.Code; got.Header().Get("Cache-Control") != "no-store" {
		w.t.Errorf("Cache-Control of the token endpoint: got %q, want no-store", got.Header().Get("Cache-Control"))
	}
	return answer
}

// exchange is what a client sends for a code, with changes as in request.
func exchange(client, code string, changes ...string) url.Values {
	v := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
	for i := 0; i < len(changes); i += 2 {
		if v.Del(changes[i]); changes[i+1] != "-" {
			v.Set(changes[i], changes[i+1])
		}
	}
	return v
}

func renewal(client, refresh string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {refresh}}
}

// given is a client with its tokens.
func (w *world) given(scope ...string) (client string, got tokenAnswer) {
	w.t.Helper()
	client = w.registerClient(callback)
	changes := []string{"resource", w.front.resource}
	if len(scope) > 0 {
		changes = append(changes, "scope", strings.Join(scope, " "))
	}
	got = w.tokens(exchange(client, w.login(w.key, request(client, changes...))))
	if got.status != http.StatusOK || got.Access == "" || got.Refresh == "" {
		w.t.Fatalf("the tokens: got %+v, want both", got)
	}
	return client, got
}

// works says whose an access token is, or nobody's.
func (w *world) works(access string) string {
	p, err := w.front.Verify(w.t.Context(), access)
	if err != nil {
		return ""
	}
	return p.ID
}

// near says whether two moments are the same but for the time that a test takes.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < 10*time.Second }
