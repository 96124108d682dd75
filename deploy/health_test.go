package deploy

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"toolgate/config"
)

func TestHealth(t *testing.T) {
	status := http.StatusOK
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/readyz" {
			t.Errorf("asked %s, want /base/readyz", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"status":"draining"}`))
	}))
	defer web.Close()
	cfg := config.Default()
	cfg.Server.BasePath = "/base"
	_, port, _ := strings.Cut(strings.TrimPrefix(web.URL, "http://"), ":")
	cfg.Server.Port, _ = strconv.Atoi(port)
	for _, host := range []string{"localhost", "0.0.0.0", "127.0.0.1"} {
		cfg.Server.Host = host
		if err := Health(t.Context(), cfg); err != nil {
			t.Errorf("on %s: %v, want it ready", host, err)
		}
	}
	status = http.StatusServiceUnavailable
	if err := Health(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "draining") {
		t.Errorf("while it drains: %v, want what it says", err)
	}
	web.Close()
	if err := Health(t.Context(), cfg); err == nil {
		t.Error("a server that is not there is ready")
	}
}
