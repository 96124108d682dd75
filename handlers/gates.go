package handlers

import (
	"errors"
	"maps"
	"slices"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// gates are the middlewares, made once from the configuration.
type gates struct {
	proxies middleware.Proxies
	requestID, problems, requestLog, recover, hostCheck, cors,
	all, address, auth, principal, body, admin gin.HandlerFunc
}

func newGates(o Options) (*gates, error) {
	s := o.Config.Server
	g := &gates{}
	var err error
	if g.proxies, err = middleware.ParseProxies(s.TrustedProxies); err != nil {
		return nil, err
	}
	hosts, err := middleware.NewHosts(middleware.HostOptions{Bind: s.Host, PublicURL: s.PublicURL, AllowedHosts: s.AllowedHosts})
	if err != nil {
		return nil, err
	}
	origins, err := middleware.NewOrigins(hosts, middleware.OriginOptions{PublicURL: s.PublicURL, Allowed: s.AllowedOrigins, Proxies: g.proxies})
	if err != nil {
		return nil, err
	}
	probes := []string{s.BasePath + "/livez", s.BasePath + "/readyz"}
	g.requestID = middleware.RequestID(g.proxies)
	g.problems = middleware.RefuseAs(s.BasePath+restPrefix, refusalProblem)
	g.requestLog = middleware.RequestLog(o.Log, g.proxies, o.Refused, append(probes, s.BasePath+"/health")...)
	g.recover = middleware.Recover(o.Log)
	g.hostCheck = middleware.HostCheck(hosts, origins, probes...)
	more := append(narrowingHeaders(), slices.Sorted(maps.Keys(o.Config.Tools.CredentialHeaders()))...)
	g.cors = middleware.CORS(origins, more...)

	r, err1 := newRates(o)
	if err1 != nil {
		return nil, err1
	}
	g.all = middleware.RateLimit(r.all, middleware.ByNobody)
	g.address = middleware.RateLimit(r.address, middleware.ByAddress(g.proxies))
	g.principal = middleware.RateLimit(r.principal, middleware.ByPrincipal)
	var err4, err5 error
	g.auth, err4 = newAuthGate(o, r.authFailures, g.proxies)
	g.body, err5 = middleware.BodyLimit(middleware.BodyOptions{Limit: int64(o.Config.Limits.Body)})
	g.admin = middleware.RequireScope(mcp.ScopeAdmin)
	return g, errors.Join(err4, err5)
}
