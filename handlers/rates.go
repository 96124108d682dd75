package handlers

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/middleware"
)

// rates are the limits of requests, made once from the configuration; nil fields limit nothing. Those of calls are
// CallLimits.
type rates struct {
	all, address, principal, authFailures *middleware.Limiter
}

func newRates(o Options) (*rates, error) {
	in := o.Config.EffectiveRates()
	limit := func(name string, rate config.Rate) (*middleware.Limiter, error) {
		return newLimiter(o.Counters, name, rate, o.Log)
	}
	r := &rates{}
	var err1, err2, err3, err4 error
	r.all, err1 = limit("all", in.All)
	r.address, err2 = limit("address", in.Address)
	r.principal, err3 = limit("principal", in.Principal)
	r.authFailures, err4 = limit("auth_failures", in.AuthFailures)
	return r, errors.Join(err1, err2, err3, err4)
}

// newLimiter makes a limiter whose counts have a place of their own.
func newLimiter(counters *middleware.Counters, name string, rate config.Rate, log *zap.Logger) (*middleware.Limiter, error) {
	l, err := middleware.NewLimiter(middleware.LimiterOptions{Name: name, Rate: string(rate), Store: counters.Store(name), Log: log})
	if err != nil {
		return nil, fmt.Errorf("limits.rates.%s: %w", name, err)
	}
	return l, nil
}
