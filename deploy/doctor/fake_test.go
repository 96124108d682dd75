package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// fake is a small server that does everything right, under /app; its fields are what it gets wrong. A change of an answer
// is a field of its own: patch, which sees every request first and says whether it answered it.
type fake struct {
	key     string        // asked for; empty: none
	name    string        // in serverInfo; empty: toolgate
	beat    time.Duration // between heartbeats; 0: 15 s
	life    time.Duration // of a stream; 0: until its client goes
	late    time.Duration // that every event is held back for
	lump    bool          // answers to pings come together
	path    string        // before /messages in the endpoint event; empty: /app; none is none
	object  bool          // the endpoint event is JSON
	origins []string      // that may call beside its own
	patch   func(w http.ResponseWriter, r *http.Request) bool

	mu    sync.Mutex
	next  int
	boxes map[string]chan string // of SSE sessions
	live  map[string]bool        // sessions of /mcp
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.patch != nil && f.patch(w, r) {
		return
	}
	path, under := strings.CutPrefix(r.URL.Path, "/app")
	if !under && !strings.HasPrefix(path, "/.well-known/") {
		http.NotFound(w, r)
		return
	}
	if !strings.HasPrefix(r.Host, "127.0.0.1") && !strings.HasPrefix(r.Host, "tools.example.com") {
		refuse(w, 403, "host_not_allowed", fmt.Sprintf("host %q is not a name of this server", r.Host))
		return
	}
	if !f.cors(w, r) {
		return
	}
	switch path {
	case "/sse", "/mcp", "/messages":
		if f.key != "" && r.Header.Get("Authorization") != "Bearer "+f.key {
			challenge := `Bearer realm="toolgate"`
			if r.Header.Get("Authorization") != "" {
				challenge += `, error="invalid_token"`
			}
			w.Header().Set("WWW-Authenticate", challenge)
			refuse(w, 401, "unauthorized", "a key is needed")
			return
		}
	}
	switch r.Method + " " + path {
	case "GET /sse":
		f.sse(w, r)
	case "POST /sse":
		only(w, "GET")
	case "POST /messages":
		f.messages(w, r)
	case "POST /mcp":
		f.post(w, r)
	case "GET /mcp":
		f.get(w, r)
	case "DELETE /mcp":
		f.mu.Lock()
		delete(f.live, r.Header.Get("Mcp-Session-Id"))
		f.mu.Unlock()
		w.WriteHeader(204)
	case "GET /livez", "GET /readyz":
		answerJSON(w, 200, `{"status":"ok"}`)
	default:
		answerJSON(w, 404, `{"error":"not_found"}`)
	}
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func refuse(w http.ResponseWriter, status int, reason, text string) {
	answerJSON(w, status, fmt.Sprintf(`{"jsonrpc":"2.0","error":{"code":-32600,"message":%q,"data":{"reason":%q}}}`, text, reason))
}

func only(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	answerJSON(w, 405, `{"error":"method_not_allowed"}`)
}

func (f *fake) cors(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	own := strings.HasSuffix(origin, "://"+r.Host)
	for _, o := range f.origins {
		own = own || o == origin
	}
	if !own {
		refuse(w, 403, "origin_not_allowed", "origin may not use this server")
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Mcp-Session-Id, Mcp-Protocol-Version, WWW-Authenticate")
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", strings.Join(pageHeaders(), ", "))
		w.WriteHeader(204)
		return false
	}
	return true
}

func (f *fake) id() string {
	f.next++
	return fmt.Sprintf("session-%d", f.next)
}

func (f *fake) sse(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	id, box := f.id(), make(chan string, 64)
	if f.boxes == nil {
		f.boxes = map[string]chan string{}
	}
	f.boxes[id] = box
	f.mu.Unlock()
	path := f.path
	switch path {
	case "":
		path = "/app"
	case "none":
		path = ""
	}
	data := path + "/messages?session_id=" + id
	if f.object {
		data = `{"url":"` + data + `"}`
	}
	f.stream(w, r, "event: endpoint\ndata: "+data+"\n\n", box)
}

// stream writes an opening, and then what comes, with heartbeats between.
func (f *fake) stream(w http.ResponseWriter, r *http.Request, opening string, box <-chan string) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Accel-Buffering", "no")
	if f.late > 0 && !waitFor(r.Context(), f.late) {
		return
	}
	write := func(text string) {
		_, _ = io.WriteString(w, text)
		w.(http.Flusher).Flush()
	}
	write(opening)
	beat, life := f.beat, f.life
	if beat == 0 {
		beat = 15 * time.Second
	}
	if life == 0 {
		life = time.Hour
	}
	end := time.NewTimer(life)
	defer end.Stop()
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	held := ""
	pings := 0
	for {
		select {
		case text := <-box:
			text = "event: message\ndata: " + text + "\n\n"
			if f.lump && strings.Contains(text, `"result":{}`) {
				if pings++; pings > 1 { // the first is the endpoint's trial
					if held += text; (pings-1)%timedRequests != 0 {
						continue
					}
					text = ""
				}
			}
			write(held + text)
			held = ""
		case <-ticker.C:
			write(": ping\n\n")
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fake) messages(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	box := f.boxes[r.URL.Query().Get("session_id")]
	f.mu.Unlock()
	if box == nil {
		refuse(w, 404, "", "session not found")
		return
	}
	body, _ := io.ReadAll(r.Body)
	if text := f.answer(body); text != "" {
		box <- text
	}
	w.WriteHeader(202)
}

// answer is the response to a request; empty for a notification.
func (f *fake) answer(body []byte) string {
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct{ ProtocolVersion string }
	}
	_ = json.Unmarshal(body, &m)
	if m.ID == nil {
		return ""
	}
	name := f.name
	if name == "" {
		name = "toolgate"
	}
	result := "{}"
	switch m.Method {
	case "initialize":
		result = fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"serverInfo":{"name":%q,"version":"1.2.3"}}`, m.Params.ProtocolVersion, name)
	case "tools/list":
		result = `{"tools":[{"name":"a"},{"name":"b"}]}`
	case "server/discover":
		result = `{"supportedVersions":["2026-07-28","2025-11-25"]}`
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
}

func (f *fake) post(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > 4<<20 {
		refuse(w, 413, "body_too_large", "the body is too large")
		return
	}
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("Mcp-Session-Id")
	f.mu.Lock()
	known := f.live[id]
	if strings.Contains(string(body), `"initialize"`) {
		if f.live == nil {
			f.live = map[string]bool{}
		}
		named := f.id()
		f.live[named] = true
		w.Header().Set("Mcp-Session-Id", named)
		known = true
	}
	f.mu.Unlock()
	if !known && r.Header.Get("MCP-Protocol-Version") != stateless {
		refuse(w, 404, "", "session not found")
		return
	}
	text := f.answer(body)
	switch {
	case text == "":
		w.WriteHeader(202)
	case strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream"):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: message\ndata: "+text+"\n\n")
	default:
		answerJSON(w, 200, text)
	}
}

func (f *fake) get(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Mcp-Session-Id") == "" {
		only(w, "POST")
		return
	}
	f.stream(w, r, ": ok\n\n", nil)
}
