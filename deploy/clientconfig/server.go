package clientconfig

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"toolgate/config"
)

// server is this server as a client is told of it.
type server struct {
	name      string
	transport Transport

	url      string // for http and sse
	key      bool   // a header brings the key
	login    bool   // the client finds out where to log in
	variable string // that holds the key

	program string // for stdio
	args    []string
}

// locate finds the URL.
func (s *server) locate(cfg config.Config) error {
	base := cfg.Server.PublicURL
	if base == "" {
		if cfg.Server.Port == 0 {
			return errors.New("server.port is 0, which is any free port: set server.port or server.public_url")
		}
		base = "http://" + net.JoinHostPort(reachable(cfg.Server.Host), strconv.Itoa(cfg.Server.Port)) + cfg.Server.BasePath
	}
	path := "/mcp"
	if s.transport == SSE {
		path = "/sse"
	}
	s.url = strings.TrimSuffix(base, "/") + path
	return nil
}

// reachable is the host that a client on this machine connects to.
func reachable(host string) string {
	addr, err := netip.ParseAddr(host)
	if host == "" || err == nil && (addr.IsUnspecified() || addr.IsLoopback()) {
		return "localhost"
	}
	return host
}

// start finds the command.
func (s *server) start(program, file string) error {
	var err error
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return fmt.Errorf("where this program is cannot be found out: say --program PATH: %w", err)
		}
	}
	s.program, s.args = program, []string{"stdio"}
	if file != "" {
		if file, err = filepath.Abs(file); err != nil { // clients start it in a folder of their own
			return fmt.Errorf("--config-file: %w", err)
		}
		s.args = append(s.args, "--config", file)
	}
	return nil
}

// bearer is the header's value, with the key as the client writes what stands in a variable.
func bearer(reference string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + reference}
}

// headers is bearer, and nil where there is no key.
func (s *server) headers(reference string) map[string]string {
	if !s.key {
		return nil
	}
	return bearer(reference)
}

// plain says that the URL is unencrypted and not of this machine, which some clients only take when told to.
func (s *server) plain() bool {
	u, err := url.Parse(s.url)
	return err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1"
}
