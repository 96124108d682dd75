package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsThatAreSentAgain(t *testing.T) {
	for _, test := range []struct {
		name    string
		request Request
		status  int
		header  string // NAME: VALUE
		want    int    // times asked
	}{
		{"GET, 429", Request{}, 429, "", 3},
		{"GET, 502", Request{}, 502, "", 3},
		{"GET, 503", Request{}, 503, "", 3},
		{"GET, 504", Request{}, 504, "", 3},
		{"HEAD, 503", Request{Method: "HEAD"}, 503, "", 3},
		{"GET, 403 of a rate limit", Request{}, 403, "Retry-After: 1", 3},
		{"GET, 403", Request{}, 403, "", 1},
		{"GET, 404", Request{}, 404, "", 1},
		{"GET, 500", Request{}, 500, "", 1},
		{"POST, 503", Request{Method: "POST", Body: []byte("x")}, 503, "", 1},
		{"DELETE, 503", Request{Method: "DELETE"}, 503, "", 1},
		{"POST that may be sent twice", Request{Method: "POST", Body: []byte("x"), Twice: true}, 503, "", 3},
		{"GET, 429 with a long wait", Request{}, 429, "Retry-After: 6", 1},
		{"GET, 429 with a wait that is done", Request{}, 429, "Retry-After: 5", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			bubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				asked++
				if body, err := io.ReadAll(r.Body); err != nil || string(body) != string(test.request.Body) {
					t.Errorf("body %d = %q, %v; want %q", asked, body, err, test.request.Body)
				}
				setHeader(w, test.header)
				w.WriteHeader(test.status)
			}, func(t *testing.T, c *Client) {
				_, err := c.Do(t.Context(), test.request)
				wantError(t, err, test.status, nil)
			})
			if asked != test.want {
				t.Errorf("asked %d times, want %d", asked, test.want)
			}
		})
	}
}

func TestPausesGrowAndAreNeverNone(t *testing.T) {
	var at []time.Time
	bubble(t, Options{Retries: 4}, func(w http.ResponseWriter, _ *http.Request) {
		at = append(at, time.Now())
		setHeader(w, "Retry-After: 0")
		w.WriteHeader(429)
	}, func(t *testing.T, c *Client) {
		_, err := c.Do(t.Context(), Request{})
		wantError(t, err, 429, nil)
	})
	if len(at) != 5 {
		t.Fatalf("asked %d times, want 5", len(at))
	}
	for i := range 4 {
		middle := firstPause << i
		if pause := at[i+1].Sub(at[i]); pause < middle/2 || pause > min(middle*3/2+1, defaultMaxWait) {
			t.Errorf("pause %d = %s, want one of %s and half of it more or less", i+1, pause, middle)
		}
	}
}

func TestWaitThatTheUpstreamAsksForIsKept(t *testing.T) {
	for _, header := range []string{"Retry-After: 4", "X-RateLimit-Reset: +4"} {
		bubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			if at := time.Since(midnight); at < 4*time.Second {
				setHeader(w, header)
				w.WriteHeader(429)
				return
			}
			fmt.Fprint(w, time.Since(midnight))
		}, func(t *testing.T, c *Client) {
			if got := string(get(t, c, "/").Body); got != "4s" {
				t.Errorf("%s: asked again after %s, want 4s", header, got)
			}
		})
	}
}

func TestWaitsThatAreLeftToTheCaller(t *testing.T) {
	for _, test := range []struct {
		name, header string
		status       int
		within       time.Duration // deadline of the caller's
		want         int
	}{
		{"longer than MaxWait", "Retry-After: 60", 429, 0, 60},
		{"longer than the caller's", "Retry-After: 4", 503, 3 * time.Second, 4},
		{"a rate limit of GitHub", "X-RateLimit-Reset: +90", 403, 0, 90},
		{"one of its others", "Retry-After: 60", 403, 0, 60},
		{"longer than a day", "Retry-After: 99999999", 503, 0, 86400},
	} {
		for _, cache := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprint(test.name, " ", cache), func(t *testing.T) {
				bubble(t, Options{Cache: cache}, func(w http.ResponseWriter, _ *http.Request) {
					setHeader(w, test.header)
					w.WriteHeader(test.status)
				}, func(t *testing.T, c *Client) {
					ctx := t.Context()
					if test.within > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, test.within)
						defer cancel()
					}
					_, err := c.Do(ctx, Request{})
					if e := wantError(t, err, test.status, nil); e.RetryAfter != test.want {
						t.Errorf("RetryAfter = %d, want %d", e.RetryAfter, test.want)
					}
					if took := time.Since(midnight); took != 0 {
						t.Errorf("took %s, want no time", took)
					}
				})
			})
		}
	}
}

func TestConnectionThatFailsIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried atomic.Int32
		c := made(t, Options{Name: "Jira", BaseURL: "http://jira.example"}, wires{connect: func(context.Context, string) (net.Conn, error) {
			tried.Add(1)
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)}, Err: syscall.ECONNREFUSED}
		}})
		_, err := c.Do(t.Context(), Request{})
		e := wantError(t, err, 0, syscall.ECONNREFUSED)
		if want := "Jira could not be reached: connection refused"; e.Error() != want {
			t.Errorf("text = %q, want %q", e.Error(), want)
		}
		if tried.Load() != 3 {
			t.Errorf("tried %d times, want 3", tried.Load())
		}
	})
}

func TestCancellationEndsAPause(t *testing.T) {
	errStopped := errors.New("stopped")
	bubble(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		setHeader(w, "Retry-After: 5")
		w.WriteHeader(503)
	}, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer time.AfterFunc(time.Second, func() { cancel(errStopped) }).Stop()
		if _, err := c.Do(ctx, Request{}); err != errStopped || time.Since(midnight) != time.Second {
			t.Errorf("error = %v after %s, want %v after 1s", err, time.Since(midnight), errStopped)
		}
	})
}

func TestWaitsAsTheyAreWritten(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"0", 0, true},
		{"120", 2 * time.Minute, true},
		{" 7 ", 7 * time.Second, true},
		{"499999999", 24 * time.Hour, true},
		{fmt.Sprint(now.Unix() + 30), 30 * time.Second, true},
		{fmt.Sprint(now.Unix() - 30), 0, true},
		{"9223372036854775807", 24 * time.Hour, true},
		{"Sun, 01 Mar 2026 12:00:09 GMT", 9 * time.Second, true},
		{"Sunday, 01-Mar-26 12:00:09 GMT", 9 * time.Second, true},
		{"Sun, 01 Mar 2020 12:00:09 GMT", 0, true},
		{"Sun, 01 Mar 2099 12:00:09 GMT", 24 * time.Hour, true},
		{"2026-03-01T12:05:00Z", 5 * time.Minute, true},
		{"2026-03-01T12:05Z", 5 * time.Minute, true},
		{"2026-03-01T13:05:00+01:00", 5 * time.Minute, true},
		{"", 0, false},
		{"-1", 0, false},
		{"1.5", 0, false},
		{"9223372036854775808", 0, false},
		{"soon", 0, false},
	} {
		if got, ok := parseWait(test.text, now); got != test.want || ok != test.ok {
			t.Errorf("parseWait(%q) = %s, %t; want %s, %t", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestRateLimitsThatAreNotReached(t *testing.T) {
	now := time.Now()
	reset := fmt.Sprint(now.Unix() + 3000)
	for _, test := range []struct {
		status int
		left   string
		want   bool
	}{
		{429, "", true},
		{429, "0", true},
		{429, "4000", false},
		{403, "0", true},
		{403, "", false},
		{403, "9", false},
		{404, "0", false},
		{200, "0", false},
		{503, "", false},
	} {
		h := http.Header{"X-Ratelimit-Reset": {reset}}
		if test.left != "" {
			h.Set("X-RateLimit-Remaining", test.left)
		}
		if got := retryAfter(test.status, h, now) > 0; got != test.want {
			t.Errorf("%d with %q left: a wait = %t, want %t", test.status, test.left, got, test.want)
		}
	}
}

// FuzzParseWait: what is read is a wait from none to a day, and nothing is read of what says nothing.
func FuzzParseWait(f *testing.F) {
	for _, text := range []string{"120", "-1", "1772366400", "Sun, 01 Mar 2026 12:00:09 GMT", "2026-03-01T12:05Z", "99999999999999999999"} {
		f.Add(text, int64(1772366400))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		wait, ok := parseWait(text, time.Unix(unix, 0))
		if wait < 0 || wait > maxRetryWait || !ok && wait != 0 {
			t.Errorf("parseWait(%q) = %s, %t", text, wait, ok)
		}
		if s := seconds(wait); time.Duration(s)*time.Second < wait {
			t.Errorf("%d seconds are fewer than %s", s, wait)
		}
	})
}
