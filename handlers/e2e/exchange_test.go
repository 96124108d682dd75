package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reply is one whole HTTP answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// stranger is the HTTP client of every transcript: it follows no redirect, so that one is seen, and shares nothing
// between requests.
func stranger() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// do sends one request. Headers come in pairs, name and value.
func (s *server) do(t *testing.T, method, target, body string, headers ...string) reply {
	t.Helper()
	response := s.send(t, method, target, body, headers...)
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, target, err)
	}
	return reply{response.StatusCode, response.Header, string(b)}
}

// send is do for an answer that the caller reads and closes.
func (s *server) send(t *testing.T, method, target, body string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	request.Host = request.Header.Get("Host") // empty: that of the URL
	response, err := stranger().Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return response
}

func (s *server) get(t *testing.T, target string) reply {
	t.Helper()
	return s.do(t, http.MethodGet, target, "")
}

// post sends one JSON body with no header but its Content-Type.
func (s *server) post(t *testing.T, target, body string) reply {
	t.Helper()
	return s.do(t, http.MethodPost, target, body, "Content-Type", "application/json")
}

// accepted posts a message that must be taken with 202 and nothing more.
func (s *server) accepted(t *testing.T, target, message string) {
	t.Helper()
	got := s.post(t, target, message)
	if got.status != http.StatusAccepted || got.body != "Accepted" {
		t.Fatalf("POST %s %s: got %d %q, want 202 \"Accepted\"", target, message, got.status, got.body)
	}
	wantHeader(t, got.header, "Content-Type", "text/plain")
}

// ask posts a request to a session and returns its answer, which must be the next thing on the stream.
func (s *server) ask(t *testing.T, on *stream, target, message string) string {
	t.Helper()
	s.accepted(t, target, message)
	got := on.next(t)
	if got.name != "message" {
		t.Fatalf("answer to %s: got event %+v, want event: message", message, got)
	}
	return got.data
}

// wantHeader compares a header's value up to parameters such as charset.
func wantHeader(t *testing.T, h http.Header, name, want string) {
	t.Helper()
	got, _, _ := strings.Cut(h.Get(name), ";")
	if got != want {
		t.Errorf("%s: got %q, want %q", name, h.Get(name), want)
	}
}

// decode reads one JSON value, numbers exactly.
func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("got %q, which is not JSON: %v", text, err)
	}
	return v
}

// wantJSON compares two JSON texts as values.
func wantJSON(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(decode(t, want), decode(t, got)); diff != "" {
		t.Errorf("wrong JSON (-want +got):\n%s", diff)
	}
}

// field returns the value at a path of object keys and array indices, and fails where there is none.
func field(t *testing.T, text string, path ...any) any {
	t.Helper()
	at := decode(t, text)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := at.(map[string]any)
			if at, ok = object[step], ok && object[step] != nil; !ok {
				t.Fatalf("no %v in %s", path, text)
			}
		case int:
			array, ok := at.([]any)
			if !ok || step >= len(array) {
				t.Fatalf("no %v in %s", path, text)
			}
			at = array[step]
		}
	}
	return at
}

// wantField compares the value at a path; want is a string, a bool, or a json.Number.
func wantField(t *testing.T, text string, want any, path ...any) {
	t.Helper()
	if got := field(t, text, path...); got != want {
		t.Errorf("%v: got %v, want %v, in %s", path, got, want, text)
	}
}

// toolNames lists the names in a tools/list answer.
func toolNames(t *testing.T, answer string) []string {
	t.Helper()
	tools, ok := field(t, answer, "result", "tools").([]any)
	if !ok {
		t.Fatalf("tools is no array in %s", answer)
	}
	names := make([]string, len(tools))
	for i := range tools {
		name, ok := field(t, answer, "result", "tools", i, "name").(string)
		if !ok {
			t.Fatalf("a tool has no name in %s", answer)
		}
		names[i] = name
	}
	return names
}
