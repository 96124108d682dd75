package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// checkDNS looks the name up.
func (p *probe) checkDNS(ctx context.Context, s *sheet) {
	t := p.target
	if to, ok := p.resolve[t.address()]; ok {
		s.info("dns", "%s is taken to be %s, by --resolve; what its name says was not asked", t.address(), to)
		return
	}
	if addr, err := netip.ParseAddr(t.host); err == nil {
		s.info("dns", "%s is an address; there is no name to look up", addr)
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.bounds.answer, errNoAnswer(p.bounds.answer))
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	p.judgeAddrs(s, addrs, err)
}

// judgeAddrs says what the addresses of the name mean for clients.
func (p *probe) judgeAddrs(s *sheet, addrs []netip.Addr, err error) {
	host := p.target.host
	if err != nil {
		cause := "the name server does not answer"
		if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
			cause = "no name server knows the name: it is misspelt, or was never entered"
		}
		s.fault("dns-none", because(cause, "DNS: "+host+". A ADDRESS"), "%s has no address", host)
		return
	}
	var texts []string
	loopback, private := 0, 0
	for _, a := range addrs {
		a = a.Unmap()
		texts = append(texts, a.String())
		switch {
		case a.IsLoopback():
			loopback++
		case a.IsPrivate(), a.IsLinkLocalUnicast():
			private++
		}
	}
	slices.Sort(texts)
	list := strings.Join(slices.Compact(texts), ", ")
	switch {
	case loopback > 0 && !p.target.local():
		s.warn("dns-loopback", because("every client reaches itself by it; /etc/hosts of this machine may have it, or the zone",
			"DNS: "+host+". A the server's own address"), "%s is %s", host, list)
	case private > 0:
		s.info("dns", "%s is %s; hosted clients such as claude.ai reach public addresses alone", host, list)
	default:
		s.ok("dns", "%s is %s", host, list)
	}
}

// checkTCP connects to every address of the name.
func (p *probe) checkTCP(ctx context.Context, s *sheet) {
	addrs := p.addresses(ctx)
	if len(addrs) == 0 {
		s.skip("tcp", "there is no address")
		return
	}
	p.connectAll(ctx, s, addrs)
}

func (p *probe) connectAll(ctx context.Context, s *sheet, addrs []string) {
	t := p.target
	errs := make([]error, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, p.bounds.answer, errNoAnswer(p.bounds.answer))
			defer cancel()
			conn, err := p.connect(ctx, "tcp", addr)
			if err != nil {
				errs[i] = plainly(ctx, err)
				return
			}
			_ = conn.Close()
		})
	}
	wg.Wait()
	var failed []string
	for i, err := range errs {
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s (%s)", addrs[i], lastOf(err)))
		}
	}
	switch {
	case len(failed) == len(addrs):
		s.fault("tcp-closed", because("nothing listens there, or a firewall is in between",
			"nginx: listen "+t.port+portOptions(t)+";", "firewall: let TCP port "+t.port+" in"), "no connection to %s", strings.Join(failed, ", "))
	case len(failed) > 0:
		p.reachable = true
		s.warn("tcp-some", because("clients that try this address first wait for it, or fail",
			"nginx: listen [::]:"+t.port+portOptions(t)+"; or take the address out of DNS"), "no connection to %s; to others of its addresses there is", strings.Join(failed, ", "))
	default:
		p.reachable = true
		s.ok("tcp", "connected to %s", strings.Join(addrs, ", "))
	}
}

func portOptions(t target) string {
	if t.secure {
		return " ssl http2"
	}
	return ""
}

// addresses are where connections may be made to, HOST:PORT.
func (p *probe) addresses(ctx context.Context) []string {
	t := p.target
	if to, ok := p.resolve[t.address()]; ok {
		return []string{to}
	}
	if addr, err := netip.ParseAddr(t.host); err == nil {
		return []string{net.JoinHostPort(addr.String(), t.port)}
	}
	ctx, cancel := context.WithTimeout(ctx, p.bounds.answer)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	if err != nil {
		return nil
	}
	var list []string
	for _, a := range addrs {
		list = append(list, net.JoinHostPort(a.Unmap().String(), t.port))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// lastOf is the innermost text of an error: what the system said.
func lastOf(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
