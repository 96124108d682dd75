package ldapdir

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"toolgate/config"
)

// address is where a server listens.
type address struct {
	host string
	port string
	tls  bool // from the first byte on
}

func (a address) String() string { return net.JoinHostPort(a.host, a.port) }

// loopback says that nobody but this machine sees what is sent.
func (a address) loopback() bool {
	ip, err := netip.ParseAddr(a.host)
	return a.host == "localhost" || err == nil && ip.IsLoopback()
}

// parseAddresses reads ldap:// and ldaps:// URIs, separated by spaces. Errors never quote one: people write passwords into
// them.
func parseAddresses(uris string) ([]address, error) {
	var addresses []address
	for i, uri := range strings.Fields(uris) {
		a, err := parseAddress(uri)
		if err != nil {
			return nil, fmt.Errorf("number %d: %w", i+1, err)
		}
		addresses = append(addresses, a)
	}
	if len(addresses) == 0 {
		return nil, errors.New("is empty: name a server, such as ldaps://ldap.example.com")
	}
	return addresses, nil
}

func parseAddress(uri string) (address, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return address{}, errors.New("is no URI: write ldap://HOST[:PORT] or ldaps://HOST[:PORT]")
	}
	a := address{host: u.Hostname(), port: u.Port()}
	usual := "389"
	switch strings.ToLower(u.Scheme) {
	case "ldap":
	case "ldaps":
		a.tls, usual = true, "636"
	default:
		return address{}, errors.New("does not begin with ldap:// or ldaps://")
	}
	if a.port == "" {
		a.port = usual
	}
	switch {
	case a.host == "":
		return address{}, errors.New("names no host: write ldap://HOST[:PORT] or ldaps://HOST[:PORT]")
	case u.User != nil:
		return address{}, errors.New("holds a name or a password: set bind_dn and bind_password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return address{}, errors.New("goes on after the host: set base_dn and the filters by their own keys")
	}
	return a, nil
}

// tlsConfig says whose certificates are good. The name of the host is added for each connection.
func tlsConfig(cfg config.LDAP) (*tls.Config, error) {
	t := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: !cfg.TLSVerify,
	}
	if cfg.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", cfg.CAFile)
	}
	return t, nil
}
