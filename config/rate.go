package config

import (
	"fmt"
	"strings"

	"github.com/ulule/limiter/v3"
)

// Rate is how often something may happen: LIMIT-PERIOD as ulule/limiter writes it, the period one of S, M, H and D
// ("600-M" is 600 a minute, counted in fixed windows), or "off". The empty Rate is one the operator left to
// [Config.EffectiveRates].
type Rate string

// RateOff is no limit.
const RateOff Rate = "off"

// Off says that r limits nothing.
func (r Rate) Off() bool { return r == RateOff || r == "" }

// UnmarshalText reads a rate in either case of letters. A limit of 0 is refused: it would turn everybody away.
func (r *Rate) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || strings.EqualFold(s, string(RateOff)) {
		*r = Rate(strings.ToLower(s))
		return nil
	}
	rate, err := limiter.NewRateFromFormatted(s)
	if err != nil || rate.Limit <= 0 {
		return fmt.Errorf("%q is not a rate: write a number and S, M, H or D, such as 600-M for 600 a minute, or off", s)
	}
	*r = Rate(fmt.Sprintf("%d%s", rate.Limit, strings.ToUpper(s[strings.IndexByte(s, '-'):])))
	return nil
}

// Rates is how often one caller may do something; beyond, requests are answered 429 with a Retry-After.
type Rates struct {
	Address      Rate `yaml:"address" doc:"Requests of one client address. Empty is derived, see below."`
	Principal    Rate `yaml:"principal" doc:"Requests of one authenticated principal. Empty is derived, see below."`
	Tool         Rate `yaml:"tool" doc:"Calls of one tool by one caller. Empty is derived, see below."`
	Handshake    Rate `yaml:"handshake" doc:"Handshakes, lists and other requests that are no tool calls, of one caller. Empty is derived, see below."`
	Session      Rate `yaml:"session" doc:"Requests of one session, pings aside. Empty is no limit of its own."`
	All          Rate `yaml:"all" doc:"Requests of all callers together, in all processes that share redis.url. Empty is no limit."`
	AuthFailures Rate `yaml:"auth_failures" doc:"Wrong credentials one client address may present before it has to wait."`
}

// The rates in force where the operator wrote none. On loopback without auth the only caller is the user himself, and
// the one limit left guards against a client in a loop. Elsewhere an address gets half of what a principal gets: a
// stranger's requests count by address alone, while a known caller may use several.
const (
	localAddressRate Rate = "10000-M"

	addressRate   Rate = "600-M"
	principalRate Rate = "1200-M"
	toolRate      Rate = "600-M"
	handshakeRate Rate = "120-M"
)

// EffectiveRates is limits.rates with every empty rate filled in, by where the server listens and whether it asks who
// calls. None of the returned rates is empty.
func (c Config) EffectiveRates() Rates {
	derived := Rates{
		Address:      addressRate,
		Principal:    principalRate,
		Tool:         toolRate,
		Handshake:    handshakeRate,
		Session:      RateOff,
		All:          RateOff,
		AuthFailures: Default().Limits.Rates.AuthFailures,
	}
	if c.Loopback() && c.Auth.Open() {
		derived.Address, derived.Principal, derived.Tool, derived.Handshake = localAddressRate, RateOff, RateOff, RateOff
	}
	written := c.Limits.Rates
	return Rates{
		Address:      written.Address.or(derived.Address),
		Principal:    written.Principal.or(derived.Principal),
		Tool:         written.Tool.or(derived.Tool),
		Handshake:    written.Handshake.or(derived.Handshake),
		Session:      written.Session.or(derived.Session),
		All:          written.All.or(derived.All),
		AuthFailures: written.AuthFailures.or(derived.AuthFailures),
	}
}

// or is r, or instead where r is empty.
func (r Rate) or(instead Rate) Rate {
	if r == "" {
		return instead
	}
	return r
}
