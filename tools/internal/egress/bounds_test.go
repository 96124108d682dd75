package egress

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersThatAreTooLarge(t *testing.T) {
	const most = 1 << 20
	block := make([]byte, 64<<10)
	endless := func(w io.Writer, size int) {
		for ; size > 0; size -= len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"500 MB by length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(500<<20))
			endless(w, 500<<20)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				endless(w, len(block))
			}
		},
		"one byte": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, most+1)) },
		"a gzip bomb": func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Errorf("Accept-Encoding = %q, want gzip", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			endless(z, 100<<20)
			z.Close()
		},
		"a header flood": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprintf("X-Flood-%d", i), strings.Repeat("x", 100))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := local(t, handler, Options{MaxBody: most})
			_, err := c.Do(t.Context(), Request{Header: map[string]string{"Accept-Encoding": "identity"}})
			e := wantError(t, err, 0, ErrTooLarge)
			if want := "Jira gave an answer that is too large: ask for less"; e.Error() != want {
				t.Errorf("text = %q, want %q", e.Error(), want)
			}
		})
	}
}

func TestAnswerOfTheSizeAllowed(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 1<<20)
	c := local(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			_, _ = w.Write(body)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		z.Close()
	}, Options{MaxBody: 1 << 20})
	for _, path := range []string{"/plain", "/zipped"} {
		if resp := get(t, c, path); !bytes.Equal(resp.Body, body) {
			t.Errorf("%s: %d bytes, want %d", path, len(resp.Body), len(body))
		}
	}
}

func TestRequestThatIsTooLarge(t *testing.T) {
	c := local(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }, Options{MaxBody: 10})
	if _, err := c.Do(t.Context(), Request{Method: "POST", Body: make([]byte, 11)}); err == nil {
		t.Error("no error, want one")
	}
}

func TestAnswerThatSaysWhatIsWrongIsCutShort(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for r.Context().Err() == nil {
			io.WriteString(w, "the field is not known ")
		}
	}, Options{})
	_, err := c.Do(t.Context(), Request{})
	e := wantError(t, err, http.StatusBadRequest, nil)
	if len(e.Body) != maxErrorBody || !strings.HasPrefix(string(e.Body), "the field") {
		t.Errorf("body = %d bytes, %.20q; want %d bytes of what was sent", len(e.Body), e.Body, maxErrorBody)
	}
}

func TestWaitsAreBounded(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	slow := func(w http.ResponseWriter, r *http.Request) { // a byte a second, without end
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
				io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				tick.Stop()
				return
			}
		}
	}
	for _, test := range []struct {
		name    string
		timeout time.Duration
		cache   time.Duration
		handler http.HandlerFunc
		takes   time.Duration
	}{
		{"no first byte", 0, 0, silent, 10 * time.Second},
		{"no first byte, cached", 0, time.Minute, silent, 10 * time.Second},
		{"no first byte, less time", 2 * time.Second, 0, silent, 2 * time.Second},
		{"a slow body", 0, 0, slow, 30 * time.Second},
		{"a slow body, cached", 0, time.Minute, slow, 30 * time.Second},
		{"redirects, slow", 0, 0, func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(8 * time.Second):
				http.Redirect(w, r, "/"+r.URL.Path[1:]+"x", http.StatusFound)
			case <-r.Context().Done():
			}
		}, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, Options{Timeout: test.timeout, Cache: test.cache}, test.handler, func(t *testing.T, c *Client) {
				began := time.Now()
				_, err := c.Do(t.Context(), Request{})
				e := wantError(t, err, 0, nil)
				if took := time.Since(began); took != test.takes {
					t.Errorf("took %s, want %s", took, test.takes)
				}
				if want := fmt.Sprintf("Jira did not answer within %s", test.takes); e.Error() != want {
					t.Errorf("text = %q, want %q", e.Error(), want)
				}
			})
		})
	}
}

func TestConnectingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := made(t, Options{Name: "Jira", BaseURL: "http://jira.example", Retries: -1}, wires{connect: never})
		began := time.Now()
		_, err := stuck.Do(t.Context(), Request{})
		e := wantError(t, err, 0, nil)
		if took := time.Since(began); took != connectTimeout {
			t.Errorf("took %s, want %s", took, connectTimeout)
		}
		if want := "Jira could not be reached within 3s"; e.Error() != want {
			t.Errorf("text = %q, want %q", e.Error(), want)
		}
	})
}

func TestConnectionsBrokenOff(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
		}
		panic(http.ErrAbortHandler)
	}, Options{Retries: -1})
	for _, path := range []string{"/head", "/body"} {
		_, err := c.Do(t.Context(), Request{Path: path})
		e := wantError(t, err, 0, nil)
		if want := "Jira broke off the connection"; e.Error() != want {
			t.Errorf("%s: text = %q, want %q", path, e.Error(), want)
		}
	}
}
