package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const maxHostName = 253 // bytes, as DNS has it

// checkHost accepts a host to listen on: a name or an IP address, without a port. No character of it could end a word of
// the files that deployments are made of: a zone, which is the name of an interface, has none but those of names.
func checkHost(host string) error {
	if host == "" {
		return errors.New("it is empty: write localhost, or 0.0.0.0 or :: for every address of the machine")
	}
	addr, err := netip.ParseAddr(host)
	if err == nil && strings.ContainsFunc(addr.Zone(), func(c rune) bool { return !isWord(c) && c != '.' && c != '~' }) {
		return fmt.Errorf("%q has a zone with more than letters, digits and - _ . ~: write the name of an interface behind the %%", host)
	}
	if err == nil || isHostName(host) {
		return nil
	}
	return fmt.Errorf("%q is neither a host name nor an IP address: write it without scheme, brackets and port", host)
}

// checkAuthority accepts HOST or HOST:PORT, an IPv6 address in brackets where a port follows.
func checkAuthority(text string) error {
	host := text
	if name, port, found := cutPort(text); found {
		if !isPort(port) {
			return fmt.Errorf("%q has no port from 1 to 65535 after its colon", text)
		}
		host = name
	}
	if bare, bracketed := strings.CutPrefix(host, "["); bracketed {
		bare, closed := strings.CutSuffix(bare, "]")
		if addr, err := netip.ParseAddr(bare); closed && err == nil && addr.Is6() && addr.Zone() == "" {
			return nil
		}
	} else if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" || isHostName(host) {
		return nil
	}
	return fmt.Errorf("%q is neither a host name nor an IP address, with or without :PORT", text)
}

// cutPort splits HOST:PORT; an IPv6 address without brackets has none.
func cutPort(text string) (host, port string, found bool) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.HasSuffix(text, "]") {
		return "", "", false
	}
	host, port = text[:i], text[i+1:]
	if strings.Contains(host, ":") && !strings.HasSuffix(host, "]") {
		return "", "", false
	}
	return host, port, true
}

// checkHostPattern accepts HOST, HOST:PORT and *.DOMAIN.
func checkHostPattern(pattern string) error {
	if strings.Contains(pattern, "/") {
		return fmt.Errorf("%q must be a host alone, without scheme and path", pattern)
	}
	if !strings.Contains(pattern, "*") {
		return checkAuthority(pattern)
	}
	if pattern == "*" {
		return errors.New("* would let any web page reach the server by DNS rebinding: name the hosts")
	}
	domain, wildcard := strings.CutPrefix(pattern, "*.")
	if !wildcard || !isHostName(domain) || !strings.Contains(domain, ".") {
		return fmt.Errorf("%q is not a pattern: * may only be the whole first label of a domain of two or more, as in *.example.com", pattern)
	}
	return nil
}

// checkOrigin accepts an origin exactly as browsers send it, and SCHEME://*.DOMAIN with or without :PORT, where * stands for
// exactly one label.
func checkOrigin(origin string) error {
	if scheme, host, found := strings.Cut(origin, "://"); found && strings.HasPrefix(host, "*.") && !strings.Contains(host[2:], "*") {
		if !strings.Contains(host[2:], ".") {
			return fmt.Errorf("%q is too wide: * may only be the first label of a domain of two or more, as in https://*.example.com", origin)
		}
		return checkExactOrigin(origin, scheme+"://"+host[2:])
	}
	if strings.Contains(origin, "*") {
		return fmt.Errorf("%q would let web pages nobody named call every tool in their visitors' name: name each origin, "+
			"or the domain whose subdomains may, as in https://*.example.com", origin)
	}
	return checkExactOrigin(origin, origin)
}

// checkExactOrigin checks an origin without *; written is how the operator wrote it.
func checkExactOrigin(written, origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || !strings.EqualFold(u.Scheme+"://"+u.Host, origin) {
		return fmt.Errorf("%q is not an origin: write scheme, host and, if it is not the usual one, port, such as https://app.example.com", written)
	}
	if origin != strings.ToLower(origin) {
		return fmt.Errorf("%q must be in lower case, as browsers send it", written)
	}
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		return fmt.Errorf("%q must go without :%s, which browsers leave out", written, port)
	}
	if err := checkAuthority(u.Host); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil && written != origin {
		return fmt.Errorf("%q has * before an address: only names have subdomains", written)
	}
	return nil
}

// The widest ranges of proxies: no private network is wider.
const (
	minProxyBits4 = 8 // 10.0.0.0/8
	minProxyBits6 = 7 // fc00::/7
)

// checkProxy accepts an IP address or a CIDR range, unless the range is so wide that strangers would be trusted: with two
// halves of all addresses as with the whole.
func checkProxy(text string) error {
	addr, err := netip.ParseAddr(text)
	if err == nil && addr.Zone() == "" && !addr.Is4In6() {
		return nil
	}
	if addr.Is4In6() {
		return fmt.Errorf("%q is an IPv4 address in IPv6 form: write it as IPv4", text)
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is neither an IP address nor a range such as 10.0.0.0/8", text)
	case prefix.Addr().Is4In6():
		return fmt.Errorf("%q is an IPv4 range in IPv6 form: write it as IPv4", text)
	case prefix.Addr().Is4() && prefix.Bits() < minProxyBits4, prefix.Addr().Is6() && prefix.Bits() < minProxyBits6:
		return fmt.Errorf("%q trusts strangers, so that any client could claim any address: name the proxies", text)
	}
	return nil
}

// isHostName is whether name has the form of a host name: labels of ASCII letters, digits, - and _, which container
// names have. The last label is not a number: such a name is an IP address gone wrong.
func isHostName(name string) bool {
	if name == "" || len(name) > maxHostName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(c rune) bool { return !isWord(c) }) {
			return false
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.Trim(last, "0123456789") != ""
}

// isPort is whether text is the number of a port that can be connected to.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
