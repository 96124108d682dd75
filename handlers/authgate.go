package handlers

import (
	"github.com/gin-gonic/gin"

	"toolgate/middleware"
)

// newAuthGate is the gate that asks who calls, as auth.mode has it.
func newAuthGate(o Options, failures *middleware.Limiter, proxies middleware.Proxies) (gin.HandlerFunc, error) {
	return middleware.Auth(middleware.AuthOptions{
		Open: o.Config.Auth.Open(), Loopback: o.Config.Loopback(), Verifiers: o.Verifiers, Failures: failures, Proxies: proxies,
	})
}
