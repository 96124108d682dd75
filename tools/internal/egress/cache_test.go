package egress

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// counted answers with the number of times it was asked, and the headers given as NAME: VALUE.
func counted(asked *int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		*asked++
		for _, h := range headers {
			setHeader(w, h)
		}
		fmt.Fprint(w, *asked)
	}
}

func wantBody(t *testing.T, resp *Response, want string) {
	t.Helper()
	if got := string(resp.Body); got != want {
		t.Errorf("body = %q, want %q", got, want)
	}
}

func TestAnswerServesAgainForAWhile(t *testing.T) {
	asked := 0
	bubble(t, Options{Cache: 15 * time.Second}, counted(&asked), func(t *testing.T, c *Client) {
		wantBody(t, get(t, c, "/"), "1")
		advance(15*time.Second - 1)
		resp := get(t, c, "/")
		wantBody(t, resp, "1")
		resp.Body[0] = 'x'
		resp.Header.Set("X-Mine", "x")
		if resp = get(t, c, "/"); resp.Header.Get("X-Mine") != "" {
			t.Error("what one caller did to its answer is in the next one's")
		}
		wantBody(t, resp, "1")
		advance(1)
		wantBody(t, get(t, c, "/"), "2")
	})
}

func TestWithoutCacheNothingIsKept(t *testing.T) {
	asked := 0
	bubble(t, Options{}, counted(&asked), func(t *testing.T, c *Client) {
		get(t, c, "/")
		wantBody(t, get(t, c, "/"), "2")
	})
}

func TestWhatCacheControlSays(t *testing.T) {
	for _, test := range []struct {
		name   string
		opts   Options
		header string
		want   string // after a second
	}{
		{"nothing", Options{}, "", "1"},
		{"private", Options{}, "Cache-Control: private, max-age=60", "1"},
		{"no-store", Options{}, "Cache-Control: No-Store, max-age=60", "2"},
		{"no-cache", Options{}, "Cache-Control: no-cache", "2"},
		{"a shorter time", Options{}, `Cache-Control: max-age="1"`, "2"},
		{"a longer time", Options{}, "Cache-Control: max-age=3600", "1"},
		{"Vary", Options{}, "Vary: *", "2"},
		{"no-store overruled", Options{CacheAlways: true}, "Cache-Control: no-cache, no-store, no-transform", "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			test.opts.Cache = time.Minute
			bubble(t, test.opts, counted(&asked, test.header), func(t *testing.T, c *Client) {
				get(t, c, "/")
				advance(time.Second)
				wantBody(t, get(t, c, "/"), test.want)
			})
		})
	}
}

func TestWhatIsNotKept(t *testing.T) {
	for name, test := range map[string]struct {
		request Request
		status  int
	}{
		"not found":      {Request{}, 404},
		"no content":     {Request{}, 204},
		"HEAD":           {Request{Method: "HEAD"}, 200},
		"POST":           {Request{Method: "POST", Twice: true}, 200},
		"a part":         {Request{Header: map[string]string{"Range": "bytes=0-1"}}, 200},
		"a condition":    {Request{Header: map[string]string{"If-None-Match": `"x"`}}, 200},
		"a large answer": {Request{Path: "/large"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.WriteHeader(test.status)
				if r.URL.Path == "/large" {
					_, _ = w.Write(make([]byte, maxEntry))
				}
			}, func(t *testing.T, c *Client) {
				for range 2 {
					if _, err := c.Do(t.Context(), test.request); err != nil {
						wantError(t, err, test.status, nil)
					}
				}
			})
			if asked != 2 {
				t.Errorf("asked %d times, want 2", asked)
			}
		})
	}
}

func TestAnswersAreKeptApart(t *testing.T) {
	asked := 0
	opts := Options{Cache: time.Minute, Authorize: func(ctx context.Context, h http.Header) error {
		h.Set("Authorization", Caller(ctx))
		return nil
	}}
	bubble(t, opts, counted(&asked), func(t *testing.T, c *Client) {
		for _, one := range []struct{ caller, path, accept string }{
			{"", "/", ""}, {"ada", "/", ""}, {"bob", "/", ""}, {"ada", "/x", ""}, {"ada", "/", "text/plain"}, {"ada", "/?", ""},
		} {
			var headers map[string]string
			if one.accept != "" {
				headers = map[string]string{"Accept": one.accept}
			}
			var query map[string][]string
			if path, ok := strings.CutSuffix(one.path, "?"); ok {
				one.path, query = path, map[string][]string{"a": {"b"}}
			}
			before := asked
			for range 2 {
				if _, err := c.Do(As(t.Context(), one.caller), Request{Path: one.path, Query: query, Header: headers}); err != nil {
					t.Fatalf("Do: %v", err)
				}
			}
			if asked != before+1 {
				t.Errorf("%+v: asked %d times, want once", one, asked-before)
			}
		}
	})
}

func TestCallersAreKeptApartWhateverAuthorizeDoes(t *testing.T) {
	asked := 0
	bubble(t, Options{Cache: time.Minute}, counted(&asked), func(t *testing.T, c *Client) {
		for _, caller := range []string{"ada", "bob", "ada"} {
			if _, err := c.Do(As(t.Context(), caller), Request{}); err != nil {
				t.Fatalf("Do: %v", err)
			}
		}
	})
	if asked != 2 {
		t.Errorf("asked %d times, want once a caller", asked)
	}
}

func TestAnswerThatIsGoodStillKeepsWhatItsBodyIs(t *testing.T) {
	e := &entry{answer: &answer{header: http.Header{"Content-Type": {"text/plain"}, "Etag": {"1"}}}}
	got := e.renewed(http.Header{"Content-Type": {"text/html"}, "Content-Length": {"0"}, "Etag": {"2"}}).header
	if got.Get("Content-Type") != "text/plain" || got.Get("Content-Length") != "" || got.Get("ETag") != "2" {
		t.Errorf("headers = %v, want those of the body as they were and the newer ETag", got)
	}
	if e.answer.header.Get("ETag") != "1" {
		t.Error("the entry itself was changed")
	}
}

func TestAnswerIsAskedWhetherItChanged(t *testing.T) {
	for _, header := range []string{"ETag: \"v\"", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT"} {
		t.Run(header, func(t *testing.T) {
			asked, full, version := 0, 0, "a"
			bubble(t, Options{Cache: 10 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
				asked++
				setHeader(w, header)
				w.Header().Set("X-Asked", fmt.Sprint(asked))
				if version == "a" && (r.Header.Get("If-None-Match") == `"v"` || r.Header.Get("If-Modified-Since") != "") {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				full++
				w.Header().Set("Content-Type", "text/plain")
				io.WriteString(w, version)
			}, func(t *testing.T, c *Client) {
				for i := range 3 {
					resp := get(t, c, "/")
					wantBody(t, resp, "a")
					if resp.Status != 200 || resp.Header.Get("X-Asked") != fmt.Sprint(i+1) || resp.Header.Get("Content-Type") != "text/plain" {
						t.Errorf("answer %d = %d %v, want 200 with the newest headers", i, resp.Status, resp.Header)
					}
					advance(5 * time.Second)
					get(t, c, "/") // fresh
					advance(5 * time.Second)
				}
				version = "b"
				wantBody(t, get(t, c, "/"), "b")
			})
			if asked != 4 || full != 2 {
				t.Errorf("asked %d times, %d answers in full; want 4 and 2", asked, full)
			}
		})
	}
}

func TestOldAnswerServesWhileTheUpstreamFails(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"500":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"503":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"429":        func(w http.ResponseWriter, _ *http.Request) { setHeader(w, "Retry-After: 60"); w.WriteHeader(429) },
		"403 limit":  func(w http.ResponseWriter, _ *http.Request) { setHeader(w, "Retry-After: 60"); w.WriteHeader(403) },
		"broken off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silent":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			failing := false
			bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
				if failing {
					fail(w, r)
					return
				}
				io.WriteString(w, "old")
			}, func(t *testing.T, c *Client) {
				if resp := get(t, c, "/"); resp.Header.Get("Warning") != "" {
					t.Errorf("Warning = %q, want none", resp.Header.Get("Warning"))
				}
				failing = true
				advance(time.Minute)
				for range 4 { // the breaker opens on the way
					resp := get(t, c, "/")
					wantBody(t, resp, "old")
					if w := resp.Header.Get("Warning"); !strings.HasPrefix(w, "110 ") || resp.Header.Get("Age") == "" {
						t.Errorf("Warning = %q, Age = %q; want 110 and an age", w, resp.Header.Get("Age"))
					}
				}
				if _, err := c.Do(t.Context(), Request{Path: "/other"}); err == nil {
					t.Error("what was never asked was answered")
				}
				advance(staleFor + 1)
				if resp, err := c.Do(t.Context(), Request{}); err == nil {
					t.Errorf("answer = %q after %s, want an error", resp.Body, staleFor)
				}
			})
		})
	}
}

func TestOldAnswersThatDoNotServe(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		status int
	}{
		"the upstream says no":    {"", 404},
		"the credential is bad":   {"", 401},
		"it must be asked":        {"Cache-Control: must-revalidate, max-age=1", 500},
		"it must not be kept":     {"Cache-Control: no-store", 500},
		"the credential may not":  {"", 403},
		"the request is not good": {"", 400},
	} {
		t.Run(name, func(t *testing.T) {
			status := 200
			bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
				setHeader(w, test.header)
				w.WriteHeader(status)
			}, func(t *testing.T, c *Client) {
				get(t, c, "/")
				advance(time.Minute)
				status = test.status
				for range 2 {
					_, err := c.Do(t.Context(), Request{})
					wantError(t, err, status, nil)
				}
				if test.status == 404 {
					status = 500
					_, err := c.Do(t.Context(), Request{})
					wantError(t, err, status, nil) // what is gone does not come back
				}
			})
		})
	}
}

func TestChangeThroughTheClientIsSeenAtOnce(t *testing.T) {
	for _, test := range []struct {
		request Request
		want    string
	}{
		{Request{Method: "PUT", Twice: true}, "3"},
		{Request{Method: "PATCH"}, "3"},
		{Request{Method: "DELETE"}, "3"},
		{Request{Method: "POST"}, "3"},
		{Request{Method: "POST", Twice: true}, "1"},
		{Request{Method: "HEAD"}, "1"},
	} {
		t.Run(test.request.Method, func(t *testing.T) {
			asked := 0
			bubble(t, Options{Cache: time.Minute}, counted(&asked), func(t *testing.T, c *Client) {
				get(t, c, "/")
				if _, err := c.Do(t.Context(), test.request); err != nil {
					t.Fatalf("Do: %v", err)
				}
				wantBody(t, get(t, c, "/"), test.want)
			})
		})
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(time.Minute, false)
	const size = 1 << 20
	for i := range 2 * maxKept / size {
		a := &answer{status: 200, header: http.Header{}, body: make([]byte, size)}
		c.put(cacheKey{byte(i)}, a, time.Now(), 0)
		c.put(cacheKey{byte(i)}, a, time.Now(), 0) // in place of itself
	}
	if c.bytes != maxKept || c.entries.Len() != maxKept/size {
		t.Errorf("%d bytes in %d entries are kept, want %d in %d", c.bytes, c.entries.Len(), maxKept, maxKept/size)
	}
	for i := range 2 * maxEntries {
		c.put(cacheKey{byte(i), byte(i >> 8), 1}, &answer{status: 200, header: http.Header{}}, time.Now(), 0)
	}
	if c.bytes != 0 || c.entries.Len() != maxEntries {
		t.Errorf("%d bytes in %d entries are kept, want 0 in %d", c.bytes, c.entries.Len(), maxEntries)
	}
	c.put(cacheKey{9, 9, 9}, &answer{status: 200, header: http.Header{}}, time.Now(), 5)
	c.put(cacheKey{9, 9, 9}, &answer{status: 200, header: http.Header{}}, time.Now(), 4)
	if e := c.find(cacheKey{9, 9, 9}, time.Now()); e == nil || e.generation != 5 {
		t.Errorf("kept = %+v, want the answer asked for after the change", e)
	}
	if e := c.find(cacheKey{9, 9, 9}, time.Now().Add(2*revalidated)); e != nil {
		t.Errorf("kept = %+v, want nothing that old", e)
	}
}
