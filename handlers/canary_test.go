package handlers

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// TestSecretsStayInside sends secrets in every place that clients put them, and then looks for them in all that leaves the
// server: the log, the metrics, the sessions as operators see them, and the answers that say no.
func TestSecretsStayInside(t *testing.T) {
	const canary = "canary-5f1b2c9e7d"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withKeys)
		reader, admin := w.bearer("reader"), w.bearer("admin")
		secrets := []string{canary}
		for _, key := range w.keys {
			secrets = append(secrets, key)
		}

		s := w.open("/sse?client_id="+canary, reader, "Cookie: session="+canary, "User-Agent: "+canary, "Last-Event-ID: "+canary+".1")
		secrets = append(secrets, s.id())
		s.ask(call("1", "uppercase_text", `{"text":"`+canary+`"}`), reader, "X-Request-Id: "+canary, "Referer: http://localhost/"+canary)
		s.ask(call("2", "broken", `{"text":"`+canary+`"}`), reader)
		s.ask(call("3", "uppercase_text", `{"text":7,"`+canary+`":1}`), reader)
		s.post(`{"jsonrpc":"2.0","id":4,"result":{"token":"`+canary+`"}}`, reader)

		var refusals []*answer
		no := func(status int, a *answer) {
			t.Helper()
			if a.status != status {
				t.Errorf("got %d %s, want %d", a.status, a.body, status)
			}
			refusals = append(refusals, a)
		}
		for _, name := range []string{"api_key", "access_token", "token"} {
			no(http.StatusUnauthorized, w.get("/sse?"+name+"="+canary))
			no(http.StatusUnauthorized, w.post("/mcp?"+name+"="+w.keys["reader"], ping("1"), reader))
		}
		no(http.StatusUnauthorized, w.get("/sse", "Authorization: Bearer "+canary))
		no(http.StatusUnauthorized, w.get("/sse", "Authorization: Basic "+canary))
		no(http.StatusUnauthorized, w.get("/sse", "X-API-Key: "+canary))
		no(http.StatusBadRequest, w.get("/sse", reader, "X-API-Key: "+canary))
		no(http.StatusNotFound, w.post("/messages?session_id="+canary, ping("1"), reader))
		no(http.StatusNotFound, w.post("/messages?session_id="+s.id()+canary, ping("1"), reader))
		no(http.StatusNotFound, w.post(s.endpoint, ping("1"), w.bearer("other")))
		no(http.StatusBadRequest, w.post("/messages?session_id="+canary+"&sessionId=x", ping("1"), reader))
		no(http.StatusBadRequest, w.post(s.endpoint, `{"jsonrpc":"2.0","id":1,"`+canary+`":`, reader))
		no(http.StatusBadRequest, w.post(s.endpoint, canary, reader))
		no(http.StatusUnsupportedMediaType, w.post(s.endpoint, canary, reader, "Content-Type: text/"+canary))
		no(http.StatusNotFound, w.post("/mcp", ping("1"), reader, "Mcp-Session-Id: "+canary))
		no(http.StatusBadRequest, w.post("/mcp", ping("1"), reader, "MCP-Protocol-Version: "+canary))
		no(http.StatusNotAcceptable, w.post("/mcp", ping("1"), reader, "Accept: text/"+canary))
		no(http.StatusNotFound, w.get("/sessions/"+canary, admin))
		no(http.StatusNotFound, w.get("/"+strings.Repeat(canary, 3)+"?q="+canary))
		no(http.StatusForbidden, w.get("/sessions?"+canary, reader))

		look := func(where, text string) {
			t.Helper()
			for _, secret := range secrets {
				if i := strings.Index(text, secret); i >= 0 {
					t.Errorf("%s: %q is in it: …%s…", where, secret, text[max(0, i-200):min(len(text), i+100)])
				}
			}
		}
		for _, a := range refusals {
			look("an answer", a.body)
			for name, values := range a.header {
				look("the answer's "+name, strings.Join(values, " "))
			}
		}
		for _, path := range []string{"/metrics", "/sessions", "/sessions?verbose=1", "/health"} {
			a := w.get(path, admin)
			if a.status != http.StatusOK {
				t.Errorf("GET %s: got %d %s", path, a.status, a.body)
			}
			look("GET "+path, a.body)
		}
		s.leave()
		log := w.log.String()
		look("the log", log)
		if want := `"path":"/sse"`; !strings.Contains(log, want) {
			t.Errorf("the log has no line with %s: nothing was looked at", want)
		}
	})
}
