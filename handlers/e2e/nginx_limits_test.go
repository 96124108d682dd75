package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refusedAs checks an error of the front's: status, JSON with that reason, and a time to come back where there is one.
func refusedAs(t *testing.T, what string, got reply, status int, reason string, retry bool) {
	t.Helper()
	var body struct {
		Error struct {
			Message string
			Data    struct{ Reason string }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != status || body.Error.Data.Reason != reason || body.Error.Message == "" {
		t.Errorf("%s: got %d %s (%v), want %d as JSON with the reason %s", what, got.status, got.body, err, status, reason)
	}
	wantHeader(t, got.header, "Content-Type", "application/json")
	if has := got.header.Get("Retry-After") != ""; has != retry {
		t.Errorf("%s: Retry-After %q, want one: %v", what, got.header.Get("Retry-After"), retry)
	}
}

// TestNginxAnswersInJSON: what nginx refuses by itself is JSON, as what Toolgate refuses behind it.
func TestNginxAnswersInJSON(t *testing.T) {
	f := behindNginx(t, frontOptions{
		backs: 2, env: []string{"TOOLGATE_LIMITS_BODY=32KiB"},
		rendered: []string{"TOOLGATE_LIMITS_BODY=64KiB", "TOOLGATE_LIMITS_SESSIONS_PER_ADDRESS=1"},
	})
	bothHTTPs(t, f, func(t *testing.T, client *http.Client) {
		message := func(size int) string {
			return `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"filler":"` + strings.Repeat("x", size) + `"}}}`
		}
		for _, target := range []string{"/mcp", "/messages/?session_id=0", "/message?sessionId=0"} {
			for of, size := range map[string]int{"Toolgate": 48 << 10, "nginx": 80 << 10} {
				got := f.do(t, client, http.MethodPost, target, message(size), "Accept", takesBoth)
				refusedAs(t, fmt.Sprintf("POST %s beyond the limit of %s", target, of), got, http.StatusRequestEntityTooLarge, "body_too_large", false)
			}
		}
		if got := f.do(t, client, http.MethodPost, "/api/tools/echo", message(80<<10)); got.status != http.StatusRequestEntityTooLarge || !json.Valid([]byte(got.body)) {
			t.Errorf("POST /api/tools/echo beyond nginx's limit: got %d %s, want 413 as JSON", got.status, got.body)
		}
		for _, path := range []string{"/metrics", "/sessions", "/sessions/0", "/%6Detrics", "//metrics", "/x/../sessions"} {
			refusedAs(t, "GET "+path, f.do(t, client, http.MethodGet, path, ""), http.StatusForbidden, "forbidden", false)
		}
		if got := f.do(t, client, http.MethodGet, "/readyz", ""); got.status != http.StatusOK { // this is the machine itself
			t.Errorf("GET /readyz from the machine itself: got %d, want 200", got.status)
		}
		first, second := f.open(t, client, http.MethodGet, "/sse", ""), f.open(t, client, http.MethodGet, "/sse", "")
		refusedAs(t, "a third connection at once", f.do(t, client, http.MethodGet, "/sse", ""), http.StatusTooManyRequests, "too_many_connections", true)
		first.close()
		second.close()
	})
	stranger := browserAt(f.pool, false, "127.0.0.2")
	for _, path := range []string{"/livez", "/readyz"} {
		refusedAs(t, "GET "+path+" from elsewhere", f.do(t, stranger, http.MethodGet, path, ""), http.StatusForbidden, "forbidden", false)
	}
	for _, s := range f.back {
		s.stop(t)
		s.gone(t)
	}
	for _, client := range []*http.Client{browserAt(f.pool, false, "127.0.0.3"), browserAt(f.pool, true, "127.0.0.3")} {
		for _, target := range []string{"/mcp", "/messages/?session_id=0", "/api/tools/echo"} {
			refusedAs(t, "POST "+target+" without a server", f.do(t, client, http.MethodPost, target, `{}`), http.StatusBadGateway, "server_gone", true)
		}
		refusedAs(t, "GET /sse without a server", f.do(t, client, http.MethodGet, "/sse", ""), http.StatusBadGateway, "server_gone", true)
		client.CloseIdleConnections()
	}
}

// TestNginxSendsPlainHTTPToHTTPS keeps method and body.
func TestNginxSendsPlainHTTPToHTTPS(t *testing.T) {
	f := behindNginx(t, frontOptions{})
	for _, c := range []struct {
		method, from string
		status       int
	}{
		{http.MethodGet, f.plain, http.StatusMovedPermanently},
		{http.MethodPost, f.plain, http.StatusPermanentRedirect},
		{http.MethodDelete, f.plain, http.StatusPermanentRedirect},
		{http.MethodPost, strings.Replace(f.url, "https", "http", 1), http.StatusPermanentRedirect}, // the port of TLS
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, c.from+"/mcp?x=1", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		response, err := stranger().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if at := response.Header.Get("Location"); response.StatusCode != c.status || at != f.url+"/mcp?x=1" {
			t.Errorf("%s %s: got %d to %q, want %d to %s/mcp?x=1", c.method, c.from, response.StatusCode, at, c.status, f.url)
		}
	}
}

// TestNginxTellsTheRealAddress: whatever a client says of its own address, host or path, Toolgate counts and shows the one
// that nginx sees.
func TestNginxTellsTheRealAddress(t *testing.T) {
	f := behindNginx(t, frontOptions{env: []string{"TOOLGATE_LIMITS_SESSIONS_PER_ADDRESS=2"}})
	bothHTTPs(t, f, func(t *testing.T, client *http.Client) {
		mine, other := "127.0.0.5", "127.0.0.6"
		if client == f.http2 {
			mine, other = "127.0.0.7", "127.0.0.8"
		}
		me, you := browserAt(f.pool, client == f.http2, mine), browserAt(f.pool, client == f.http2, other)
		defer me.CloseIdleConnections()
		defer you.CloseIdleConnections()
		spoofed := func(n int) []string {
			address := fmt.Sprintf("203.0.113.%d", n)
			return []string{
				"X-Forwarded-For", address, "X-Real-IP", address, "Forwarded", "for=" + address, "X-Forwarded-Host", "evil.example",
				"X-Forwarded-Prefix", "/evil", "X-Forwarded-Proto", "http",
			}
		}
		for n := range 2 {
			st := f.open(t, me, http.MethodGet, "/sse", "", spoofed(n)...)
			if endpoint := st.endpoint(t); !strings.HasPrefix(endpoint, "/messages/?") {
				t.Errorf("endpoint: got %s, want one without a prefix", endpoint)
			}
		}
		if got := f.do(t, me, http.MethodGet, "/sse", "", spoofed(2)...); got.status != http.StatusTooManyRequests {
			t.Errorf("a third session of one address, which claims three: got %d %s, want 429", got.status, got.body)
		}
		f.open(t, you, http.MethodGet, "/sse", "", spoofed(3)...)
		listed := f.back[0].get(t, "/sessions?verbose=1").body
		if strings.Contains(listed, "203.0.113") || strings.Count(listed, `"`+mine+`"`) != 2 || strings.Count(listed, `"`+other+`"`) != 1 {
			t.Errorf("/sessions: got %s, want two of %s, one of %s and no other", listed, mine, other)
		}
	})
}

// TestNginxLogsHoldNoSecrets: neither query strings nor session ids nor credentials are in nginx's logs, whatever goes
// wrong; and the logs are not empty.
func TestNginxLogsHoldNoSecrets(t *testing.T) {
	const canary = "canary0123456789abcdef0123456789"
	f := behindNginx(t, frontOptions{backs: 2, env: []string{"TOOLGATE_LIMITS_BODY=1KiB"}})
	secrets := []string{canary}
	bearer := []string{"Authorization", "Bearer " + canary, "X-Api-Key", canary, "Referer", f.url + "/?" + canary, "User-Agent", canary}
	everything := func() {
		for _, client := range []*http.Client{f.http1, f.http2} {
			for _, target := range []string{
				"/sse?access_token=" + canary, "/mcp?key=" + canary, "/messages/?session_id=" + canary, "/message?sessionId=" + canary,
				"/sse/messages?session_id=" + canary, "/sessions/" + canary, "/api/tools/echo?x=" + canary, "/nowhere?x=" + canary,
				"/health?x=" + canary, "/metrics?x=" + canary, "/livez?x=" + canary,
			} {
				for _, body := range []string{"", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"` + strings.Repeat(canary, 100) + `":1}`} {
					method := http.MethodPost
					if body == "" {
						method = http.MethodGet
					}
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					response, err := f.send(ctx, client, method, target, body, append(bearer, "Mcp-Session-Id", canary)...)
					if err != nil {
						t.Errorf("%s %s: %v", method, target, err)
					} else {
						_ = response.Body.Close()
					}
					cancel()
				}
			}
		}
	}
	for _, client := range []*http.Client{f.http1, f.http2} {
		k := f.talker(t, client)
		if err := k.post(t.Context(), handshake); err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, sessionID(t, k.endpoint), f.begin(t, client, handshake))
	}
	for _, id := range secrets[1:] {
		f.do(t, f.http2, http.MethodGet, "/sessions/"+id, "")
		f.do(t, f.http2, http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Accept", takesBoth, "Mcp-Session-Id", id)
	}
	everything()
	f.garbage(t, "GET /messages/?session_id="+canary+" HTTP/1.1\r\nHost: localhost\r\nBroken\r\n\r\n")
	f.garbage(t, "POST /messages/?session_id="+canary+" HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 40<<10)+"\r\n\r\n")
	f.garbage(t, canary+"\r\n\r\n")
	f.garbage(t, "GET /?"+strings.Repeat(canary, 1000)+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := stranger().Get(f.plain + "/messages/?session_id=" + canary); err != nil {
		t.Error(err)
	}
	for _, s := range f.back {
		s.stop(t)
		s.gone(t)
	}
	everything() // while no server answers
	f.http2.CloseIdleConnections()
	f.signal(t, syscall.SIGTERM)
	<-f.ended // all is written
	logged := f.logged(t)
	for _, secret := range secrets {
		if at := strings.Index(logged, secret); at >= 0 {
			t.Errorf("nginx's logs hold a secret: …%s…", logged[max(0, at-200):min(len(logged), at+100)])
		}
	}
	for _, want := range []string{`"POST /messages/ HTTP/1.1" 202`, `"GET /sessions/- HTTP/2.0" 403`, `"POST /mcp HTTP/2.0" 502`} {
		if !strings.Contains(logged, want) {
			t.Errorf("nginx's log has no %s", want)
		}
	}
	text, err := os.ReadFile(filepath.Join(f.logs, "toolgate.log"))
	if err != nil || strings.Contains(string(text), "?") {
		t.Errorf("the access log has a query string (%v)", err)
	}
}

// garbage sends what is no request and waits for the end of the connection.
func (f *front) garbage(t *testing.T, text string) {
	t.Helper()
	connection, err := tls.Dial("tcp", strings.TrimPrefix(f.url, "https://"), &tls.Config{RootCAs: f.pool})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(patience))
	_, _ = connection.Write([]byte(text)) // nginx may hang up before it has read all
	line, _ := bufio.NewReader(connection).ReadString('\n')
	if line != "" && !strings.HasPrefix(line, "HTTP/1.1 4") {
		t.Errorf("garbage is answered %q, want 4xx", line)
	}
}
