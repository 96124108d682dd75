package handlers

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"toolgate/config"
)

// FuzzSessionID: an id is found or an error is, never both; spelling and dashes make no difference; a second, different
// id is always noticed.
func FuzzSessionID(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef"
	for _, query := range []string{
		"", "session_id=" + id, "sessionId=" + dashed(id), "session_id=" + id + "&sessionId=" + dashed(id), "session_id=a&sessionId=b",
		"session_id=&sessionId=x", "session_id=------------------------------------", "session_id=%00&session_id=%ff", "session_id;x=1",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, _ := url.ParseQuery(text) // what it could read, as handlers get it
		got, err := sessionID(query)
		if (got == "") != (err != nil) {
			t.Fatalf("%q: got id %q and error %v", text, got, err)
		}
		if err != nil {
			return
		}
		if !slices.ContainsFunc(slices.Concat(query["session_id"], query["sessionId"]), func(v string) bool { return plainID(v) == got }) {
			t.Errorf("%q: got %q, which was not sent", text, got)
		}
		if again, err := sessionID(url.Values{"sessionId": {got}, "session_id": {got}}); plainID(got) == got && (again != got || err != nil) {
			t.Errorf("%q sent in both spellings: got %q, %v", got, again, err)
		}
		query.Add("sessionId", got+"x")
		if _, err := sessionID(query); !errors.Is(err, errTwoSessionIDs) {
			t.Errorf("%q and another id: got %v, want %v", text, err, errTwoSessionIDs)
		}
	})
}

// FuzzPlainID: dashes come out where a UUID has them, and nowhere else.
func FuzzPlainID(f *testing.F) {
	for _, id := range []string{"", "x", "01234567-89ab-cdef-0123-456789abcdef", "0123456789abcdef0123456789abcdef", strings.Repeat("-", 36)} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		got := plainID(id)
		if got != id && (len(id) != 36 || got != strings.ReplaceAll(id, "-", "")) {
			t.Errorf("plainID(%q) = %q", id, got)
		}
		if len(id) == 32 && !strings.Contains(id, "-") && plainID(dashed(id)) != id {
			t.Errorf("plainID(%q) = %q, want %q", dashed(id), plainID(dashed(id)), id)
		}
	})
}

// FuzzAccept: a list accepts what one of its parts does, in whatever order and however it is spaced, and so do several
// header lines.
func FuzzAccept(f *testing.F) {
	f.Add("application/json", "text/html")
	f.Add("text/event-stream;q=0.8", "*/*;q=0.1")
	f.Add(" , ;", "APPLICATION/*")
	f.Fuzz(func(t *testing.T, a, b string) {
		of := func(lines ...string) accept { return acceptOf(http.Header{"Accept": lines}) }
		json, stream := of(a).json || of(b).json, of(a).stream || of(b).stream
		for _, lines := range [][]string{{a + "," + b}, {b + "," + a}, {"\t" + a + " , " + b + " "}, {a, b}} {
			if got := of(lines...); got.json != json || got.stream != stream {
				t.Errorf("acceptOf(%q) = %v, of its parts %v %v", lines, got, json, stream)
			}
		}
	})
}

// FuzzLastEventID: whatever a stranger sends, a stream opens, on a session of its own.
func FuzzLastEventID(f *testing.F) {
	w := newWorld(f, unlimited, func(c *config.Config) { c.Limits.SessionsPerAddress, c.Limits.Sessions = 1_000_000, 1_000_000 })
	s := w.open("/sse")
	s.ask(ping("1"))
	victim := s.id()
	for _, id := range []string{"", ".1", "1.", "x.0", victim[:31] + ".1", "0." + victim, strings.Repeat("9", 70), "a.18446744073709551615", "\xff.1"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // no header can hold it
		}
		c := &client{tb: t, network: w.network, addr: w.addr}
		got := c.open("/sse", "Last-Event-ID: "+id)
		if got.id() == victim || len(got.id()) != 32 {
			t.Errorf("Last-Event-ID %q: got session %q", id, got.id())
		}
		got.close()
	})
}

// FuzzReadLine: lines come as they were sent, put together they are the input, and none is over the limit: such a one is
// an error, and the next line is read.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte("one\ntwo\n"), 10)
	f.Add([]byte("one\nlonger than the limit\nthree"), 6)
	f.Add([]byte(strings.Repeat("x", 40)), 20)
	f.Add([]byte("0123456789abcdef\n"), 16) // the buffer's size to the byte
	f.Add([]byte("\n\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, input []byte, limit int) {
		if limit < 1 || limit > 1000 {
			return
		}
		r := bufio.NewReaderSize(bytes.NewReader(input), 16)
		for want := range bytes.Lines(input) {
			got, err := readLine(r, limit)
			if len(want) > limit {
				if !errors.Is(err, errLineTooLong) || len(got) > 0 {
					t.Fatalf("a line of %d bytes, limit %d: got %q, %v, want %v", len(want), limit, got, err, errLineTooLong)
				}
				continue
			}
			if !bytes.Equal(got, want) || err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
		}
		if got, err := readLine(r, limit); len(got) > 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the last line: got %q, %v, want %v", got, err, io.EOF)
		}
	})
}
