package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

const expirySoon = 14 * 24 * time.Hour // renewals come 30 days ahead; one that is due in two weeks has failed

// checkTLS judges the certificate, and which versions are taken.
func (p *probe) checkTLS(ctx context.Context, s *sheet) {
	t := p.target
	switch {
	case !p.reachable:
		s.skip("tls", "there is no connection")
		return
	case !t.secure:
		p.vouched = true
		p.plainHTTP(s)
		return
	}
	state, err := p.handshake(ctx, p.tlsConfig(false))
	if err == nil {
		p.vouched = true
		p.goodCertificate(s, state)
	} else if !p.badCertificate(ctx, s, err) {
		p.reachable = false
		return
	}
	if !p.vouched && p.key != "" {
		if p.insecure {
			s.info("tls-insecure", "the key is sent all the same, by --insecure")
		} else {
			s.skip("tls-key", "the key is not sent over this connection; --insecure sends it all the same, --ca FILE vouches for it")
		}
	}
	p.oldVersions(ctx, s)
}

func (p *probe) plainHTTP(s *sheet) {
	if p.target.local() {
		s.info("tls", "plain HTTP, on this machine alone")
		return
	}
	s.warn("plain-http", because("keys and data travel in clear text; hosted clients and mcp-remote take https alone",
		"nginx: listen 443 ssl http2;", "toolgate.yaml: server.public_url: https://"+p.target.host+p.target.prefix), "plain HTTP, without TLS")
}

// handshake makes one connection and nothing more.
func (p *probe) handshake(ctx context.Context, c *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.bounds.answer, errNoAnswer(p.bounds.answer))
	defer cancel()
	raw, err := p.dial(ctx, "tcp", p.target.address())
	if err != nil {
		return tls.ConnectionState{}, plainly(ctx, err)
	}
	defer raw.Close()
	c.ServerName = p.target.host
	conn := tls.Client(raw, c)
	if err := conn.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, plainly(ctx, err)
	}
	return conn.ConnectionState(), nil
}

func (p *probe) goodCertificate(s *sheet, state tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	day := leaf.NotAfter.UTC().Format(time.DateOnly)
	if left < expirySoon {
		s.warn("tls-expires", because("its renewal has failed, or there is none", "shell: certbot renew, then nginx -s reload"),
			"the certificate ends on %s, in %d days", day, int(left.Hours()/24))
		return
	}
	s.ok("tls", "%s, a certificate for %s until %s", tls.VersionName(state.Version), p.target.host, day)
}

// badCertificate says what is wrong with a connection that failed. It returns whether there is one, without a certificate
// that is good.
func (p *probe) badCertificate(ctx context.Context, s *sheet, err error) bool {
	state, lenient := p.handshake(ctx, p.tlsConfig(true))
	if lenient != nil {
		s.fault("tls-handshake", because(lastOf(lenient), "nginx: listen "+p.target.port+" ssl http2;"), "no TLS connection to %s", p.target.address())
		return false
	}
	leaf := state.PeerCertificates[0]
	names := strings.Join(namesOf(leaf), ", ")
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		if time.Now().Before(leaf.NotBefore) {
			s.fault("tls-expired", because("the certificate is of the future, or this machine's clock is behind", "shell: timedatectl set-ntp true"),
				"the certificate begins on %s", leaf.NotBefore.UTC().Format(time.DateOnly))
			return true
		}
		s.fault("tls-expired", because("its renewal has failed, or there is none; nginx may have the old one still", "shell: certbot renew, then nginx -s reload"),
			"the certificate ended on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		s.fault("tls-name", because("nginx shows the certificate of another server block, or it was made for another name",
			"nginx: server_name "+p.target.host+"; in the block whose ssl_certificate is for that name"), "the certificate is for %s, not for %s", quoted(names), p.target.host)
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		cause, change := "the certificates between it and its authority are not sent along", "nginx: ssl_certificate …/fullchain.pem;"
		if len(state.PeerCertificates) > 1 || leaf.Issuer.String() == leaf.Subject.String() {
			cause, change = "it is signed by itself or by an authority of your own, which every client must be told of", "here: --ca FILE of that authority; Node clients: NODE_EXTRA_CA_CERTS=FILE"
		}
		s.fault("tls-chain", because(cause, change), "nobody this machine trusts vouches for the certificate of %s", p.target.host)
		return true
	}
	s.fault("tls-certificate", because(lastOf(err), "nginx: ssl_certificate …/fullchain.pem;"), "the certificate is not good")
	return true
}

func namesOf(leaf *x509.Certificate) []string {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, a.Unmap().String())
		}
	}
	if len(names) == 0 {
		names = append(names, leaf.Subject.CommonName)
	}
	return names
}

// oldVersions tries the versions that RFC 8996 forbids.
func (p *probe) oldVersions(ctx context.Context, s *sheet) {
	c := p.tlsConfig(true)
	c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	state, err := p.handshake(ctx, c)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			s.skip("tls-versions", "whether old versions of TLS are taken was not answered in time")
			return
		}
		s.ok("tls-versions", "versions of TLS below 1.2 are refused")
		return
	}
	s.warn("tls-old", because("versions below 1.2 are broken and forbidden (RFC 8996)", "nginx: ssl_protocols TLSv1.2 TLSv1.3;"),
		"%s is taken", tls.VersionName(state.Version))
}
