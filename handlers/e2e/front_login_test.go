package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const frontCallback = "http://127.0.0.1:9/callback" // nothing is there: the test is the browser, and stops before

// frontClient is the TypeScript SDK's client, logging in by OAuth.
type frontClient struct {
	t    *testing.T
	in   io.WriteCloser
	out  *bufio.Scanner
	says chan string
}

// frontAnswer is what the client answers to a command.
type frontAnswer struct {
	Connected bool   `json:"connected"`
	Authorize string `json:"authorize"` // where it wants the browser to go
	Text      string `json:"text"`
	Error     string `json:"error"`
	Tokens    struct {
		Access    string `json:"access_token"`
		Refresh   string `json:"refresh_token"`
		ExpiresIn int    `json:"expires_in"`
		Scope     string `json:"scope"`
	} `json:"tokens"`
	Client struct {
		ID string `json:"client_id"`
	} `json:"client"`
}

func startFrontClient(t *testing.T, c clients, args ...string) *frontClient {
	t.Helper()
	cmd := exec.Command(c.node, append([]string{frontScript(t, c, "client.mjs")}, args...)...) // it ends with its input
	cmd.Env = append(os.Environ(), c.env()...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &frontClient{t: t, in: in, out: bufio.NewScanner(out), says: make(chan string)}
	go func() {
		defer close(o.says)
		for o.out.Scan() {
			o.says <- o.out.Text()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		for line := range o.says {
			t.Errorf("the client says unasked: %s", line)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the client ended with %v", err)
		}
	})
	return o
}

// do gives the client a command: pairs of name and value.
func (o *frontClient) do(name string, args ...any) frontAnswer {
	o.t.Helper()
	command := map[string]any{"do": name}
	for i := 0; i < len(args); i += 2 {
		command[args[i].(string)] = args[i+1]
	}
	if err := json.NewEncoder(o.in).Encode(command); err != nil {
		o.t.Fatal(err)
	}
	select {
	case line, ok := <-o.says:
		var answer frontAnswer
		if err := json.Unmarshal([]byte(line), &answer); !ok || err != nil {
			o.t.Fatalf("%s: the client says %q: %v", name, line, err)
		}
		return answer
	case <-time.After(patience):
		o.t.Fatalf("%s: the client does not answer in %v", name, patience)
	}
	return frontAnswer{}
}

// frontScript copies the scripts of clients/front to where their imports resolve.
func frontScript(t *testing.T, c clients, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("clients", "front"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(c.home, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// frontPerson is somebody at a browser: it follows redirects as long as they lead to the server, and keeps its cookies.
type frontPerson struct {
	t   *testing.T
	web *http.Client
}

func newFrontPerson(t *testing.T, server string) *frontPerson {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &frontPerson{t, &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(r.URL.String(), server) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

func (p *frontPerson) read(response *http.Response, err error) reply {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// visit goes where the client wants it, and is shown the login page.
func (p *frontPerson) visit(authorize string) reply {
	p.t.Helper()
	page := p.read(p.web.Get(authorize))
	if page.status != http.StatusOK || !strings.Contains(page.body, "Your API key") {
		p.t.Fatalf("GET %s: %d %s, want the login page", authorize, page.status, page.body)
	}
	return page
}

var frontField = regexp.MustCompile(`(?:<form method="post" action|<input type="hidden" name="(\w+)" value)="([^"]*)"`)

// submit sends the page's form with a key and a yes.
func (p *frontPerson) submit(page reply, key string) reply {
	p.t.Helper()
	form, action := url.Values{"key": {key}, "do": {"allow"}}, ""
	for _, m := range frontField.FindAllStringSubmatch(page.body, -1) {
		if m[1] == "" {
			action = html.UnescapeString(m[2])
			continue
		}
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return p.read(p.web.PostForm(action, form))
}

// login lets the client in with a key, and returns the code that the browser would bring it.
func (p *frontPerson) login(authorize, key, issuer string) string {
	p.t.Helper()
	answer := p.submit(p.visit(authorize), key)
	to, err := url.Parse(answer.header.Get("Location"))
	if err != nil || answer.status != http.StatusSeeOther || !strings.HasPrefix(to.String(), frontCallback+"?") {
		p.t.Fatalf("the login: %d to %q, %v, want the client's callback\n%s", answer.status, to, err, answer.body)
	}
	if got := to.Query(); got.Get("iss") != issuer || got.Get("state") != "state-of-the-sdk" {
		p.t.Errorf("the client is told %v, want the issuer %s and its own state", got, issuer)
	}
	return to.Query().Get("code")
}

// frontKeys is a key file with one key, which a test can write anew.
type frontKeys struct{ key, file string }

func newFrontKeys(t *testing.T) frontKeys {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.yaml")
	return frontKeys{addKey(t, file, "person"), file}
}

// frontEnv is the environment of a server with the front, reached at localhost.
func frontEnv(k frontKeys, port, mode string, more ...string) []string {
	return append([]string{
		"TOOLGATE_AUTH_MODE=" + mode, "TOOLGATE_AUTH_KEYS_FILE=" + k.file, "TOOLGATE_SERVER_PORT=" + port,
		"TOOLGATE_SERVER_PUBLIC_URL=http://localhost:" + port, "TOOLGATE_SERVER_LAME_DUCK=0s",
	}, more...)
}

func wantFrontCall(t *testing.T, o *frontClient, when string) {
	t.Helper()
	if got := o.do("call", "text", when); got.Text != strings.ToUpper(when) {
		t.Fatalf("a call %s: got %+v, want %s", when, got, strings.ToUpper(when))
	}
}

// TestFrontByRegistration: the SDK's client registers itself, a person pastes a key, the client works; it goes on over a restart,
// and ends with the key.
func TestFrontByRegistration(t *testing.T) {
	c, k, port := install(t), newFrontKeys(t), freePort(t)
	state := filepath.Join(t.TempDir(), "front.json")
	env := frontEnv(k, port, "front", "TOOLGATE_AUTH_FRONT_STATE_FILE="+state)
	s := start(t, env...)
	issuer := "http://localhost:" + port
	o := startFrontClient(t, c, issuer+"/mcp", frontCallback)

	refused := o.do("open")
	if refused.Authorize == "" || refused.Connected {
		t.Fatalf("the client without a login: got %+v, want to be sent to a browser", refused)
	}
	p := newFrontPerson(t, issuer)
	if got := p.submit(p.visit(refused.Authorize), k.key+"x"); got.status != http.StatusForbidden || !strings.Contains(got.body, "This is no key of this server") {
		t.Errorf("a wrong key: got %d %s, want 403 and the page again", got.status, got.body)
	}
	code := p.login(refused.Authorize, k.key, issuer)
	if got := o.do("finish", "code", code); !got.Connected {
		t.Fatalf("the client with the code: got %+v, want it connected", got)
	}
	wantFrontCall(t, o, "after the login")
	kept := o.do("kept")
	if kept.Tokens.Refresh == "" || kept.Tokens.ExpiresIn != 600 || kept.Tokens.Scope != "tools:read" {
		t.Errorf("the tokens are %+v, want both, for ten minutes and what the server said that reading needs", kept.Tokens)
	}
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+k.key); got.status != http.StatusUnauthorized {
		t.Errorf("the key itself, where auth.mode is front alone: got %d, want 401", got.status)
	}
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+kept.Tokens.Refresh); got.status != http.StatusUnauthorized {
		t.Errorf("the refresh token as an access token: got %d, want 401", got.status)
	}

	s.stop(t)
	<-s.exited
	first := s.logged()
	s = start(t, env...)
	if got := o.do("open"); !got.Connected || got.Authorize != "" {
		t.Fatalf("the client after a restart: got %+v, want it connected without a login", got)
	}
	wantFrontCall(t, o, "after the restart")

	mustRun(t, ".", nil, binary, "keys", "revoke", "person", "--auth.keys_file", k.file)
	s.logs(t, `"changed":["`+k.file)
	if got := o.do("call", "text", "x"); got.Text != "" || got.Error == "" {
		t.Errorf("a call after the key was revoked: got %+v, want an error", got)
	}
	if got := o.do("open"); got.Connected || got.Authorize == "" {
		t.Errorf("the client after the key was revoked: got %+v, want to be sent to a browser", got)
	}
	for _, secret := range []string{k.key, kept.Tokens.Access, kept.Tokens.Refresh, code} {
		if strings.Contains(first+s.logged(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestFrontByDocument: the SDK's client is known by the URL of its document, beside API keys. When its token ends it gets another.
func TestFrontByDocument(t *testing.T) {
	c, k, port := install(t), newFrontKeys(t), freePort(t)
	var id string
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"client_id":%q,"client_name":"Documented Client","redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none"}`, id)
	}))
	t.Cleanup(site.Close)
	id = site.URL + "/client.json"
	trusted := filepath.Join(t.TempDir(), "site.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	expireFrontKey(t, k, time.Now().Add(6*time.Second))
	s := start(t, frontEnv(k, port, "keys,front", "SSL_CERT_FILE="+trusted, "TOOLGATE_AUTH_FRONT_PRIVATE_HOSTS="+strings.TrimPrefix(site.URL, "https://"))...)
	issuer := "http://localhost:" + port
	o := startFrontClient(t, c, issuer+"/mcp", frontCallback, id)

	p := newFrontPerson(t, issuer)
	page := p.visit(o.do("open").Authorize)
	if !strings.Contains(page.body, "Documented Client") || !strings.Contains(page.body, "<dd>"+strings.TrimPrefix(site.URL, "https://")) {
		t.Errorf("the page names neither the client nor who vouches for it:\n%s", page.body)
	}
	if got := o.do("finish", "code", p.login(o.do("open").Authorize, k.key, issuer)); !got.Connected {
		t.Fatalf("the client with the code: got %+v, want it connected", got)
	}
	kept := o.do("kept")
	if kept.Client.ID != id || kept.Tokens.ExpiresIn > 6 {
		t.Errorf("the client is %q with a token for %d seconds, want %s, and a token that ends with its key", kept.Client.ID, kept.Tokens.ExpiresIn, id)
	}
	wantFrontCall(t, o, "with a document")
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+k.key); got.status != http.StatusOK {
		t.Errorf("the key itself, beside the front: got %d, want 200", got.status)
	}

	expireFrontKey(t, k, time.Now().Add(time.Hour)) // the key lives on, the token does not
	s.logs(t, `"changed":["`+k.file)
	o.do("wait", "ms", 7000)
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+kept.Tokens.Access); got.status != http.StatusUnauthorized {
		t.Errorf("the token after its end: got %d, want 401", got.status)
	}
	if got := o.do("open"); !got.Connected || got.Authorize != "" {
		t.Fatalf("the client after its token ended: got %+v, want it connected without a login", got)
	}
	wantFrontCall(t, o, "after a refresh")
	if fresh := o.do("kept"); fresh.Tokens.Access == kept.Tokens.Access || fresh.Tokens.Refresh == kept.Tokens.Refresh {
		t.Errorf("the tokens are %+v, want new ones", fresh.Tokens)
	}
}

// expireFrontKey writes when the key of the file expires, as an operator would.
func expireFrontKey(t *testing.T, k frontKeys, when time.Time) {
	t.Helper()
	text, err := os.ReadFile(k.file)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^ *expires:.*\n`).ReplaceAll(text, nil)
	text = regexp.MustCompile(`(?m)^( *)created:.*$`).ReplaceAll(text, []byte("$0\n  expires: "+when.UTC().Format(time.RFC3339Nano)))
	if err := os.WriteFile(k.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFrontInABrowser: the login page works in Chromium as it is meant to, over TLS behind a proxy and without on this machine:
// its policy lets its own style through, the form is taken, a callback may send the browser on, and no page frames it.
func TestFrontInABrowser(t *testing.T) {
	c := install(t)
	const verifier = "a-verifier-that-is-long-enough-to-be-one-of-PKCE"
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	for name, https := range map[string]bool{"over TLS": true, "on this machine": false} {
		t.Run(name, func(t *testing.T) {
			k, port := newFrontKeys(t), freePort(t)
			env, issuer := frontEnv(k, port, "front"), "http://localhost:"+port
			if https {
				proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + port})
					r.Out.Host = r.In.Host
					r.SetXForwarded()
				}})
				proxy.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // Chromium says that it does not know the certificate
				proxy.StartTLS()
				t.Cleanup(proxy.Close)
				issuer = strings.Replace(proxy.URL, "127.0.0.1", "localhost", 1)
				env = append(env, "TOOLGATE_SERVER_PUBLIC_URL="+issuer, "TOOLGATE_SERVER_TRUSTED_PROXIES=127.0.0.1")
			}
			s := start(t, env...)
			out := mustRun(t, ".", c.env(), c.node, frontScript(t, c, "browser.mjs"), issuer, challenge, k.key)
			var got struct {
				Client   string `json:"client_id"`
				Redirect string `json:"redirect"`
				Code     string `json:"code"`
			}
			if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), &got); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			answer := s.do(t, http.MethodPost, "/oauth/token", url.Values{
				"grant_type": {"authorization_code"}, "client_id": {got.Client}, "redirect_uri": {got.Redirect}, "code": {got.Code}, "code_verifier": {verifier},
			}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			if answer.status != http.StatusOK || !strings.Contains(answer.body, `"access_token":"tga_`) {
				t.Errorf("the code of the browser: got %d %s, want a token", answer.status, answer.body)
			}
		})
	}
}
