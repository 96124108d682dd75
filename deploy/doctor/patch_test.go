package doctor

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// patched answers requests for a method and a path; an empty method is every one.
func patched(method, path string, answer func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if method != "" && r.Method != method || !strings.HasPrefix(r.URL.Path, path) {
			return false
		}
		answer(w, r)
		return true
	}
}

// headers adds to every answer.
func headers(pairs ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(pairs); i += 2 {
			w.Header().Add(pairs[i], pairs[i+1])
		}
		return false
	}
}

func page(status int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>a page</html>")
	}
}

// without lets the server answer and takes a header off.
func without(f *fake, name string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Again") != "" {
			return false
		}
		r.Header.Set("X-Again", "1")
		f.ServeHTTP(&stripping{ResponseWriter: w, name: name}, r)
		return true
	}
}

type stripping struct {
	http.ResponseWriter
	name string
}

func (s *stripping) WriteHeader(status int) {
	s.Header().Del(s.name)
	s.ResponseWriter.WriteHeader(status)
}

func (s *stripping) Flush() { s.ResponseWriter.(http.Flusher).Flush() }

// replaced lets the server answer and changes a word of a header; a word that ends in NUL makes the header twice.
func replaced(name, old string) func(f *fake) func(http.ResponseWriter, *http.Request) bool {
	return func(f *fake) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("X-Again") != "" {
				return false
			}
			r.Header.Set("X-Again", "1")
			f.ServeHTTP(&editing{ResponseWriter: w, name: name, old: old}, r)
			return true
		}
	}
}

type editing struct {
	http.ResponseWriter
	name, old string
}

func (e *editing) WriteHeader(status int) {
	if v := e.Header().Get(e.name); v+"\x00" == e.old {
		e.Header().Add(e.name, v)
	} else if v != "" {
		e.Header().Set(e.name, strings.ReplaceAll(v, e.old, "X-Other"))
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *editing) Flush() { e.ResponseWriter.(http.Flusher).Flush() }

// sometimes forgets every other request of a session, like two replicas that take turns.
func sometimes() func(http.ResponseWriter, *http.Request) bool {
	var turns sync.Map
	return func(w http.ResponseWriter, r *http.Request) bool {
		id := r.Header.Get("Mcp-Session-Id")
		if r.Method != http.MethodPost || id == "" {
			return false
		}
		n, _ := turns.LoadOrStore(id, new(atomic.Int32))
		if n.(*atomic.Int32).Add(1)%2 == 1 {
			return false
		}
		refuse(w, 404, "", "session not found")
		return true
	}
}

// undiscovered answers server/discover.
func undiscovered(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Mcp-Method") != "server/discover" {
			return false
		}
		answerJSON(w, status, body)
		return true
	}
}

// larger refuses bodies beyond a size.
func larger(than int64, status int, mediaType string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.ContentLength <= than {
			return false
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Server", "nginx")
		w.WriteHeader(status)
		return true
	}
}

// says answers with JSON.
func says(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) }
}

// keyed answers who has a key.
func keyed(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			return false
		}
		answerJSON(w, status, body)
		return true
	}
}

// noting answers notifications.
func noting(path string, answer func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || r.URL.Path != path {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if string(body) != initialized {
			return false
		}
		answer(w, r)
		return true
	}
}

// said changes a text of every answer; it has to come in one write.
func said(old, instead string) func(f *fake) func(http.ResponseWriter, *http.Request) bool {
	return func(f *fake) func(http.ResponseWriter, *http.Request) bool {
		return again(f, func(w http.ResponseWriter) http.ResponseWriter { return &wording{w, old, instead} })
	}
}

// again lets the server answer to a writer of another kind.
func again(f *fake, to func(http.ResponseWriter) http.ResponseWriter) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Again") != "" {
			return false
		}
		r.Header.Set("X-Again", "1")
		f.ServeHTTP(to(w), r)
		return true
	}
}

type wording struct {
	http.ResponseWriter
	old, new string
}

func (o *wording) Write(b []byte) (int, error) {
	if _, err := o.ResponseWriter.Write([]byte(strings.ReplaceAll(string(b), o.old, o.new))); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (o *wording) Flush() { o.ResponseWriter.(http.Flusher).Flush() }

// status changes the status of a path's answers.
func status(path string, old, instead int) func(f *fake) func(http.ResponseWriter, *http.Request) bool {
	return func(f *fake) func(http.ResponseWriter, *http.Request) bool {
		change := again(f, func(w http.ResponseWriter) http.ResponseWriter { return &restating{w, old, instead} })
		return func(w http.ResponseWriter, r *http.Request) bool { return r.URL.Path == path && change(w, r) }
	}
}

type restating struct {
	http.ResponseWriter
	old, new int
}

func (s *restating) WriteHeader(status int) {
	if status == s.old {
		status = s.new
	}
	s.ResponseWriter.WriteHeader(status)
}

// broken fails every third of the requests that feel for replicas.
func broken() func(http.ResponseWriter, *http.Request) bool {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Mcp-Session-Id") == "" || r.ContentLength != int64(len(call(20, "ping", "{}"))) {
			return false
		}
		if n.Add(1)%3 != 0 {
			return false
		}
		page(500)(w, r)
		return true
	}
}

// crowded opens one stream at /sse, and no other beside it.
func crowded() func(http.ResponseWriter, *http.Request) bool {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path != "/app/sse" {
			return false
		}
		if n.Add(1) > 1 {
			page(503)(w, r)
			return true
		}
		return false
	}
}
