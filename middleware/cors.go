package middleware

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
)

const (
	preflightAge   = 10 * time.Minute // a change of server.allowed_origins reaches browsers within this
	maxParamHeader = 64               // bytes of an Mcp-Param-* name that a preflight may ask for
	maxParamNames  = 32               // of them in one preflight
)

// CORS lets the pages that origins allows use the server from a browser: it answers their preflights with 204 and marks
// every other answer, refusals of later gates included, as readable by them. Credentials mode stays off, since tokens
// travel in headers and no cookie is ever set, and pages on the internet get no way into a private network. A foreign
// origin is refused, with nothing that a browser would take for consent. more names request headers that pages may send
// beside those of the protocol.
func CORS(origins *Origins, more ...string) gin.HandlerFunc {
	always := strings.Join(append([]string{protocolHeaders}, more...), ", ")
	apply := cors.New(cors.Config{
		AllowOriginFunc: func(string) bool { return true }, // it is asked only after origins.Allowed
		AllowMethods:    []string{"GET", "POST", "DELETE", "OPTIONS"},
		ExposeHeaders: []string{
			"Mcp-Session-Id", "Mcp-Protocol-Version", "WWW-Authenticate", "Retry-After", "Toolgate-Continuation",
			requestIDHeader,
		},
		MaxAge: preflightAge,
	})
	return func(c *gin.Context) {
		c.Header("Vary", "Origin") // also without one: a cache must not hand this answer to a page
		if !origins.Allowed(c.Request) {
			Refuse(c, originRefusal(c.Request))
			return
		}
		if c.Request.Method == http.MethodOptions && c.Request.Header.Get("Origin") != "" {
			c.Header("Access-Control-Allow-Headers", allowHeaders(always, c.Request))
		}
		// The library takes an origin for our own when its host is in Host, whatever the schemes are, and then says
		// nothing; http://a is not https://a to a browser. Without a Host it treats all origins alike.
		host := c.Request.Host
		c.Request.Host = ""
		apply(c)
		c.Request.Host = host
	}
}

// protocolHeaders are the headers of the protocol, every revision's.
const protocolHeaders = "Content-Type, Accept, Authorization, Last-Event-ID, Mcp-Session-Id, MCP-Protocol-Version, " +
	"Mcp-Method, Mcp-Name, X-API-Key, Cache-Control, X-Request-Id"

// allowHeaders is what pages may send: what they always may, and the headers that mirror a tool's arguments (2026-07-28,
// x-mcp-header), which have no list and are granted by name.
func allowHeaders(always string, r *http.Request) string {
	var list strings.Builder
	list.WriteString(always)
	granted := 0
	for _, line := range r.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.Trim(name, " \t")
			if granted < maxParamNames && isParamHeader(name) {
				list.WriteString(", ")
				list.WriteString(name)
				granted++
			}
		}
	}
	return list.String()
}

func isParamHeader(name string) bool {
	const prefix = "mcp-param-"
	if len(name) <= len(prefix) || len(name) > maxParamHeader || !strings.EqualFold(name[:len(prefix)], prefix) {
		return false
	}
	for _, b := range []byte(name) {
		letter := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", b) < 0 { // RFC 9110, 5.6.2: a token
			return false
		}
	}
	return true
}
