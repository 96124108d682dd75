package egress

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	asked := 0
	status := 503
	bubble(t, Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(status)
	}, func(t *testing.T, c *Client) {
		for range breakerFailures {
			_, err := c.Do(t.Context(), Request{})
			wantError(t, err, 503, nil)
		}
		_, err := c.Do(t.Context(), Request{})
		e := wantError(t, err, 0, ErrOpen)
		if e.RetryAfter != 31 || asked != breakerFailures {
			t.Errorf("RetryAfter = %d, asked %d times; want 31 and %d", e.RetryAfter, asked, breakerFailures)
		}
		if want := "Jira failed too often and is left be for a while"; e.Error() != want {
			t.Errorf("text = %q, want %q", e.Error(), want)
		}
		advance(breakerPause / 2)
		_, err = c.Do(t.Context(), Request{})
		if e := wantError(t, err, 0, ErrOpen); e.RetryAfter != 16 {
			t.Errorf("RetryAfter = %d, want 16", e.RetryAfter)
		}
		advance(16 * time.Second)
		_, err = c.Do(t.Context(), Request{})
		wantError(t, err, 503, nil) // the probe
		_, err = c.Do(t.Context(), Request{})
		if e := wantError(t, err, 0, ErrOpen); e.RetryAfter != 31 {
			t.Errorf("RetryAfter after the probe = %d, want 31", e.RetryAfter)
		}
		advance(31 * time.Second)
		status = 200
		for range 3 {
			get(t, c, "/")
		}
		if want := breakerFailures + 4; asked != want {
			t.Errorf("asked %d times, want %d", asked, want)
		}
	})
}

func TestOneProbeAtATime(t *testing.T) {
	asked := 0
	var probing, probed chan struct{} // of the bubble
	bubble(t, Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked > breakerFailures {
			close(probing)
			<-probed
			return
		}
		w.WriteHeader(503)
	}, func(t *testing.T, c *Client) {
		probing, probed = make(chan struct{}), make(chan struct{})
		for range breakerFailures {
			_, err := c.Do(t.Context(), Request{})
			wantError(t, err, 503, nil)
		}
		advance(breakerPause + 1)
		var probe sync.WaitGroup
		probe.Go(func() { get(t, c, "/") })
		<-probing
		_, err := c.Do(t.Context(), Request{})
		if e := wantError(t, err, 0, ErrOpen); e.RetryAfter != 1 {
			t.Errorf("RetryAfter = %d, want 1", e.RetryAfter)
		}
		close(probed)
		probe.Wait()
	})
	if asked != breakerFailures+1 {
		t.Errorf("asked %d times, want %d", asked, breakerFailures+1)
	}
}

func TestWhatIsNoFailureOfTheUpstream(t *testing.T) {
	for name, test := range map[string]struct {
		opts    Options
		handler http.HandlerFunc
	}{
		"404":                        {Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }},
		"429":                        {Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }},
		"500":                        {Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		"501":                        {Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(501) }},
		"507":                        {Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(507) }},
		"a large answer":             {Options{MaxBody: 1}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("xx")) }},
		"a caller that goes":         {Options{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"a caller that goes, cached": {Options{Cache: time.Minute}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.opts, test.handler, func(t *testing.T, c *Client) {
				for range 2 * breakerFailures {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					_, err := c.Do(ctx, Request{})
					cancel()
					if err == nil || errors.Is(err, ErrOpen) {
						t.Fatalf("error = %v, want one that is not %v", err, ErrOpen)
					}
				}
			})
		})
	}
}

// TestFailureOfOneRequestIsNoneOfTheUpstream: what one caller asks for keeps no other from being answered.
func TestFailureOfOneRequestIsNoneOfTheUpstream(t *testing.T) {
	bubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/poison" {
			w.WriteHeader(500)
		}
	}, func(t *testing.T, c *Client) {
		for range 2 * breakerFailures {
			_, err := c.Do(t.Context(), Request{Path: "/poison"})
			wantError(t, err, 500, nil)
		}
		get(t, c, "/")
	})
}

func TestFailuresThatOpenTheBreaker(t *testing.T) {
	for name, test := range map[string]struct {
		opts    Options
		handler http.HandlerFunc
	}{
		"502":              {Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }},
		"503":              {Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
		"504":              {Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) }},
		"503 with retries": {Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
		"no first byte":    {Options{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"no end in time": {Options{Timeout: 5 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
		"no end in time, cached": {Options{Timeout: 5 * time.Second, Cache: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
		"broken off": {Options{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.opts, test.handler, func(t *testing.T, c *Client) {
				for range breakerFailures {
					if _, err := c.Do(t.Context(), Request{}); err == nil {
						t.Fatal("no error, want one")
					}
					synctest.Wait() // for what goes on behind callers that no longer wait
				}
				_, err := c.Do(t.Context(), Request{})
				wantError(t, err, 0, ErrOpen)
			})
		})
	}
}

func TestBreakerOfStorageIsNotThatOfTheHost(t *testing.T) {
	bubble(t, Options{Follow: []string{"blob.example"}, Retries: -1}, func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "blob.example" {
			w.WriteHeader(503)
		}
	}, func(t *testing.T, c *Client) {
		ask := func() (*http.Response, error) { return c.HTTP().Get("http://blob.example/") }
		for range breakerFailures {
			resp, err := ask()
			if err != nil {
				t.Fatalf("the storage: %v", err)
			}
			resp.Body.Close()
		}
		_, err := ask()
		wantError(t, err, 0, ErrOpen)
		get(t, c, "/")
	})
}
