package deploy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"toolgate/config"
)

// healthTimeout is how long a server may take to say that it is ready: less than whoever asks in its name waits.
const healthTimeout = 2 * time.Second

// Health asks the server of this configuration, on this machine, whether it is ready, as the health check of a container
// does that has no other program. It is nil where the server says so.
func Health(ctx context.Context, cfg config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	host := cfg.Server.Host
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(cfg.Server.Port)) + cfg.Server.BasePath + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 512)) // whatever came of it says enough
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s says %d %s", url, answer.StatusCode, said)
	}
	return nil
}
