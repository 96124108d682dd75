package doctor

import (
	"context"
	"slices"
	"strings"
	"time"
)

const (
	skewLimit = 30 * time.Second // what issuers' tokens are allowed by default
)

// checkManners judges what all answers together show: the clock, what they tell of the software, and how those are turned
// away that come too often.
func (p *probe) checkManners(_ context.Context, s *sheet) {
	m := &p.manners
	m.mu.Lock()
	defer m.mu.Unlock()
	p.clock(s)
	p.limits(s)
	var told []string
	for _, name := range []string{"Server", "X-Powered-By"} {
		if v := m.software[name]; strings.ContainsAny(v, "0123456789") || name == "X-Powered-By" && v != "" {
			told = append(told, name+": "+quoted(v))
		}
	}
	if len(told) > 0 {
		s.info("versions-told", "answers tell strangers the software's version: %s (nginx: server_tokens off;)", strings.Join(told, ", "))
	}
}

func (p *probe) clock(s *sheet) {
	skews := p.manners.skews
	if len(skews) == 0 {
		s.info("clock", "answers have no Date")
		return
	}
	slices.Sort(skews)
	skew := skews[len(skews)/2]
	off := skew.Abs()
	switch {
	case off <= skewLimit:
		s.ok("clock", "the clocks there and here agree")
	case p.door.wants:
		direction := "ahead of"
		if skew < 0 {
			direction = "behind"
		}
		s.warn("clock-skew", because("tokens count as expired or not yet valid; this machine's clock may be the wrong one", "server: timedatectl set-ntp true", "toolgate.yaml: auth.jwt.skew, up to 5m"),
			"the server's clock is %s %s ours", off.Round(time.Second), direction)
	default:
		s.info("clock", "the server's clock is off by %s", off.Round(time.Second))
	}
}

func (p *probe) limits(s *sheet) {
	limited := p.manners.limited
	if len(limited) == 0 {
		s.ok("limits", "no request was turned away for coming too often")
		return
	}
	for _, a := range limited {
		if a.header.Get("Retry-After") == "" {
			s.fault("no-retry-after", because("clients come back at once, and are turned away again; the proxy may have answered instead of the server", "nginx: add_header Retry-After 5 always; where limit_req_status is 429",
				"toolgate.yaml: limits.rates.address, instead of limit_req"), "a request was turned away with 429 and no Retry-After (%s)", a.made())
			return
		}
	}
	s.warn("rate-limited", because("the limit is lower than a client needs when it starts, or somebody else shares it", "toolgate.yaml: limits.rates.address and limits.rates.handshake",
		"toolgate.yaml: server.trusted_proxies, or all clients count as one address"), "%s turned away with 429; findings about what was asked so may be wrong", plural(len(limited), "request"))
}
