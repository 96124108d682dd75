package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
)

// Recover answers a panic with a 500 that holds the request's id and nothing else, and logs its stack. Where the answer
// has begun the connection is closed instead, so that the client sees a cut answer and not a short one. The log gets
// neither the request nor the text of the panic, which may quote a secret: only the runtime's own texts are kept.
// http.ErrAbortHandler goes on to net/http.
func Recover(log *zap.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			id := RequestIDFrom(c.Request.Context())
			log.Error("panic in a handler",
				zap.String("path", loggedPath(c)),
				zap.String("request_id", id),
				zap.String("panic", describePanic(v)),
				zap.Stack("stack"),
			)
			begun := c.Writer.Written()
			Refuse(c, refusef(Panicked, "internal error; the server's log says more under request id %s", id))
			if begun {
				panic(http.ErrAbortHandler)
			}
		}()
		c.Next()
	}
}

func describePanic(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}
