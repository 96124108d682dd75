package egresstest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"toolgate/tools/internal/egress"
)

func TestClientAsksAServerOfTheTest(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	defer s.Close()
	c := New(t, s.URL, egress.Options{BaseURL: s.URL + "/rest"})
	resp, err := c.Do(t.Context(), egress.Request{Path: "/x"})
	if err != nil || string(resp.Body) != "/rest/x" {
		t.Errorf("answer = %v, %v; want /rest/x", resp, err)
	}
}
