package e2e

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// event is an event of a stream, or a comment by itself.
type event struct {
	name, data, id string
	comment        string // of a comment, what follows the colon
}

// stream is an open GET /sse, read by a goroutine of its own until either side ends it.
type stream struct {
	header http.Header
	events chan event
	close  func() // ends the stream from our side
	err    error  // how it ended: nil for a clean end; read after events is closed
}

// open starts a stream and closes it when the test ends.
func (s *server) open(t *testing.T, target string, headers ...string) *stream {
	t.Helper()
	response := s.send(t, http.MethodGet, target, "", headers...)
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		t.Fatalf("GET %s: status %d, want 200", target, response.StatusCode)
	}
	st := &stream{header: response.Header, events: make(chan event)}
	gone := make(chan struct{})
	st.close = func() {
		select {
		case <-gone:
		default:
			close(gone)
			_ = response.Body.Close()
		}
	}
	go st.read(response.Body, gone)
	t.Cleanup(st.close)
	wantHeader(t, st.header, "Content-Type", "text/event-stream")
	return st
}

// read parses the stream: an event ends with an empty line, a comment with its own.
func (st *stream) read(body io.Reader, gone <-chan struct{}) {
	defer close(st.events)
	lines := bufio.NewReader(body)
	var e event
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) || line != "" {
				st.err = err
			}
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		var whole event
		switch {
		case line == "\n":
			whole, e = e, event{}
		case name == "":
			whole.comment = value
		case name == "event":
			e.name = value
		case name == "data":
			e.data += value
		case name == "id":
			e.id = value
		}
		if whole == (event{}) {
			continue
		}
		select {
		case st.events <- whole:
		case <-gone:
			return
		}
	}
}

// any returns the next event or comment.
func (st *stream) any(t *testing.T) event {
	t.Helper()
	var e event
	open := true
	select {
	case e, open = <-st.events:
	case <-time.After(patience):
		t.Fatalf("nothing on the stream in %v", patience)
	}
	if !open {
		t.Fatalf("the stream ended (%v) where an event was due", st.err)
	}
	return e
}

// next returns the next event, past any keep-alive comment.
func (st *stream) next(t *testing.T) event {
	t.Helper()
	for {
		if e := st.any(t); e.name != "" || e.data != "" {
			return e
		}
	}
}

// endpoint reads the first event, which must say where to post.
func (st *stream) endpoint(t *testing.T) string {
	t.Helper()
	e := st.any(t)
	if e.name != "endpoint" {
		t.Fatalf("first on the stream: got %+v, want event: endpoint", e)
	}
	return e.data
}

// ended waits for the server to end the stream, past what it still sends, and returns how: nil for a clean end.
func (st *stream) ended(t *testing.T) error {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case _, ok := <-st.events:
			if !ok {
				return st.err
			}
		case <-late:
			t.Fatalf("the stream is still open after %v", patience)
		}
	}
}
