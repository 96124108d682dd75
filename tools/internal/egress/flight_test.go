package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestEqualRequestsAtOnceAreOne(t *testing.T) {
	asked := 0
	var answer chan struct{} // of the bubble
	bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		<-answer
		setHeader(w, "Cache-Control: no-store")
		io.WriteString(w, "x")
	}, func(t *testing.T, c *Client) {
		answer = make(chan struct{})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				resp, err := c.Do(t.Context(), Request{})
				if err != nil || string(resp.Body) != "x" {
					t.Errorf("answer = %v, %v; want x", resp, err)
				}
			})
		}
		synctest.Wait()
		close(answer)
		all.Wait()
	})
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

func TestCallerThatGoesDoesNotEndTheOthersRequest(t *testing.T) {
	errGone := errors.New("gone")
	asked := 0
	var answer chan struct{} // of the bubble
	bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		asked++
		select {
		case <-answer:
			io.WriteString(w, "x")
		case <-r.Context().Done():
			t.Error("the request was ended")
		}
	}, func(t *testing.T, c *Client) {
		answer = make(chan struct{})
		first, cancel := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Do(first, Request{}); err != errGone {
				t.Errorf("error = %v, want %v", err, errGone)
			}
		})
		synctest.Wait()
		all.Go(func() { wantBody(t, get(t, c, "/"), "x") })
		synctest.Wait()
		cancel(errGone)
		synctest.Wait()
		all.Go(func() { wantBody(t, get(t, c, "/"), "x") })
		synctest.Wait()
		close(answer)
		all.Wait()
	})
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

func TestLastCallerThatGoesEndsTheRequest(t *testing.T) {
	asked := 0
	var ended chan struct{} // of the bubble
	bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked > 1 {
			io.WriteString(w, "second")
			return
		}
		<-r.Context().Done()
		close(ended)
	}, func(t *testing.T, c *Client) {
		ended = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := c.Do(ctx, Request{}); !errors.Is(err, context.Canceled) {
					t.Errorf("error = %v, want %v", err, context.Canceled)
				}
			})
		}
		synctest.Wait()
		cancel()
		all.Wait()
		wantBody(t, get(t, c, "/"), "second")
		<-ended
	})
}

func TestMostPatientCallerDecidesAboutAWait(t *testing.T) {
	bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
		if time.Since(midnight) < 4*time.Second {
			setHeader(w, "Retry-After: 4")
			<-time.After(time.Second) // so that both have asked
			w.WriteHeader(503)
			return
		}
		io.WriteString(w, "x")
	}, func(t *testing.T, c *Client) {
		hasty, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Do(hasty, Request{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v, want %v", err, context.DeadlineExceeded)
			}
		})
		synctest.Wait()
		wantBody(t, get(t, c, "/"), "x")
		all.Wait()
	})
}

func TestRequestAfterAChangeDoesNotJoinOneBefore(t *testing.T) {
	asked := 0
	var answer chan struct{} // of the bubble
	bubble(t, Options{Cache: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" {
			return
		}
		asked++
		n := asked
		if n == 1 {
			<-answer
		}
		fmt.Fprint(w, n)
	}, func(t *testing.T, c *Client) {
		answer = make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { wantBody(t, get(t, c, "/"), "1") })
		synctest.Wait()
		if _, err := c.Do(t.Context(), Request{Method: "PUT"}); err != nil {
			t.Fatalf("PUT: %v", err)
		}
		wantBody(t, get(t, c, "/"), "2")
		close(answer)
		all.Wait()
		wantBody(t, get(t, c, "/"), "2")
	})
}

func TestManyCallersAtOnce(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }, Options{Cache: time.Nanosecond})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				path := fmt.Sprintf("/%d", (i+j)%3)
				ctx, cancel := context.WithCancel(context.Background())
				if j%7 == 0 {
					cancel()
				}
				resp, err := c.Do(ctx, Request{Path: path})
				if j%7 == 0 && !errors.Is(err, context.Canceled) || j%7 != 0 && (err != nil || string(resp.Body) != path) {
					t.Errorf("%s: answer = %v, %v", path, resp, err)
				}
				cancel()
			}
		})
	}
	all.Wait()
}

func TestManyRequestsOverHTTP2(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%20 == 0 {
			w.Header().Set("Connection", "close") // GOAWAY
		}
		io.WriteString(w, r.URL.Path)
	}))
	s.EnableHTTP2 = true
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 3}
	s.StartTLS()
	defer s.Close()
	c := made(t, Options{Name: "Jira", BaseURL: s.URL, Private: []string{"127.0.0.1"}}, wires{tls: trusting(s)})
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			for range 5 {
				if resp, err := c.Do(t.Context(), Request{Path: "/x"}); err != nil || string(resp.Body) != "/x" {
					t.Errorf("answer = %v, %v; want /x", resp, err)
				}
			}
		})
	}
	all.Wait()
}
