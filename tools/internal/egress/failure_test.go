package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"toolgate/mcp"
)

func TestWhatModelsReadOfAFailure(t *testing.T) {
	for _, test := range []struct {
		e    Error
		want string
	}{
		{Error{Status: 404}, "Jira answered 404 Not Found"},
		{Error{Status: 500}, "Jira answered 500 Internal Server Error"},
		{Error{Status: 599}, "Jira answered 599"},
		{Error{Status: 401}, "Jira answered 401 Unauthorized: it does not accept this server's credential; the server's operator can mend that"},
		{Error{Status: 401, own: true}, "Jira answered 401 Unauthorized: it does not accept the credential that came with this call; whoever sent it can renew it"},
		{Error{Status: 403}, "Jira answered 403 Forbidden: this server's credential may not do this; the server's operator can mend that"},
		{Error{Status: 403, own: true}, "Jira answered 403 Forbidden: the credential that came with this call may not do this; its owner can ask for the right"},
		{Error{Status: 403, RetryAfter: 9}, "Jira asks to wait (403 Forbidden)"},
		{Error{Status: 429, RetryAfter: 9}, "Jira asks to wait (429 Too Many Requests)"},
		{Error{Err: lateError{defaultTimeout}}, "Jira did not answer within 30s"},
		{Error{Err: &net.DNSError{Err: "no such host", Name: "jira.corp", IsNotFound: true}}, "Jira could not be reached: its host name is not known"},
		{Error{Err: &net.DNSError{Err: "server misbehaving", Name: "jira.corp"}}, "Jira could not be reached: its host name could not be looked up"},
		{Error{Err: &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}}, "Jira could not be reached: no way to its network"},
		{Error{Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, "Jira broke off the connection"},
		{Error{Err: errors.New("malformed HTTP response from 10.1.2.3")}, "Jira could not be reached: the connection failed"},
		{Error{Err: fmt.Errorf("%w: 10.1.2.3", ErrRefused)}, "Jira is not asked: its address is not a public one, and is not among those that the server's operator allows"},
		{Error{Err: ErrOpen, RetryAfter: 9}, "Jira failed too often and is left be for a while"},
	} {
		test.e.Upstream = "Jira"
		err := ToolError(fmt.Errorf("read the sprint 7: %w", &url.Error{Op: "Get", URL: "https://10.1.2.3/?token=s3cret", Err: &test.e}))
		var got *mcp.ToolError
		if !errors.As(err, &got) {
			t.Errorf("%+v: error = %v, want a tool error", test.e, err)
			continue
		}
		if got.Message != test.want || got.RetryAfter != test.e.RetryAfter {
			t.Errorf("tool error = %q after %d, want %q after %d", got.Message, got.RetryAfter, test.want, test.e.RetryAfter)
		}
	}
}

func TestErrorsThatAreNoFailureOfAnUpstreamStayAsTheyAre(t *testing.T) {
	told := fmt.Errorf("read the sprint: %w", &mcp.ToolError{Message: "there is no sprint 7"})
	for _, err := range []error{nil, context.Canceled, errors.New("ours"), told, errors.Join(told, &Error{Status: 500})} {
		if got := ToolError(err); got != err {
			t.Errorf("ToolError(%v) = %v, want it unchanged", err, got)
		}
	}
}

func TestStatusOfALibrarysAnswer(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "77")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	}, Options{Authorize: authorize})
	req, err := http.NewRequestWithContext(As(t.Context(), "own"), "GET", c.opts.BaseURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.HTTP().Do(req)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	defer resp.Body.Close()
	e := c.StatusError(resp)
	if e.Upstream != "Jira" || e.Status != 429 || e.RetryAfter != 77 || string(e.Body) != "slow down\n" || !e.own {
		t.Errorf("error = %+v, want all that the answer said", e)
	}
	if sent := resp.Request.Header.Get("Authorization"); sent != "" {
		t.Errorf("the answer's request shows the credential %q", sent)
	}
}

func TestNothingTellsACredential(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/away":
			w.Header().Set("Location", "http://a:s3cret@127.0.0.1/")
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.Header().Set("Location", "http://s3cret:s3cret/%zz")
			w.WriteHeader(http.StatusFound)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}, Options{Authorize: authorize, Retries: -1})
	for _, path := range []string{"/", "/broken", "/away", "/nowhere"} {
		_, err := c.Do(t.Context(), Request{Path: path, Query: map[string][]string{"token": {"s3cret"}}})
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: error = %v, want an *Error", path, err)
		}
		for _, text := range []string{err.Error(), e.ToolError().Error()} {
			if strings.Contains(text, "s3cret") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("%s: the text %q tells a credential or an address", path, text)
			}
		}
	}
}
