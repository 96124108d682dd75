package middleware

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 64 // bytes of an id that a proxy chose; longer ones are replaced
)

type requestIDKey struct{}

// RequestID gives every request an id: the one that a trusted proxy sent in X-Request-Id, if it is 1 to 64 letters,
// digits and "-_.:", else a new UUID. Strangers cannot choose ids, so they cannot make two requests look like one in the
// log. The id is in the answer's X-Request-Id and in the context.
func RequestID(proxies Proxies) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, ok := forwardedRequestID(c.Request, proxies)
		if !ok {
			id = newRequestID()
		}
		c.Header(requestIDHeader, id)
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestIDKey{}, id))
	}
}

// RequestIDFrom is the id of the request that ctx belongs to, or "" where the gate is missing.
func RequestIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func newRequestID() string {
	id, err := uuid.NewV7() // sorts by time, which is how logs are read
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

func forwardedRequestID(r *http.Request, proxies Proxies) (string, bool) {
	values := r.Header[requestIDHeader]
	if len(values) != 1 || len(values[0]) == 0 || len(values[0]) > maxRequestID || !proxies.contain(peerAddr(r)) {
		return "", false
	}
	for _, b := range []byte(values[0]) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case b == '-', b == '_', b == '.', b == ':':
		default:
			return "", false
		}
	}
	return values[0], true
}
