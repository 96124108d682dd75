package handlers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
)

// Bounds of connections (slow and half-open peers). Streams have a write deadline of their own.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 75 * time.Second // over the 60 s that nginx keeps its connections to us
	maxHeaderBytes    = 32 << 10
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 3
	userTimeout       = 30 * time.Second // a peer that acknowledges nothing for so long is gone
	lastWrites        = time.Second      // for streams to write their end when the grace of a shutdown is used up
)

// answerTimeout is how long a client may take to read an answer that is no stream; bodyTimeout how long its body may take
// before, which is the body gate's default.
const (
	answerTimeout = 30 * time.Second
	bodyTimeout   = 30 * time.Second
)

// promptGate gives every answer a deadline: a client that does not read is not waited for. Whoever makes a client wait calls
// promptly before the answer; streams have a deadline a write (sseWriter).
func promptGate(c *gin.Context) { writeWithin(c, bodyTimeout+answerTimeout) }

// promptly gives the answer its deadline from now on.
func promptly(c *gin.Context) { writeWithin(c, answerTimeout) }

func writeWithin(c *gin.Context, d time.Duration) {
	// The error says that the connection has no deadlines; then it has none.
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(d))
}

// NewHTTPServer is the server for h. Its WriteTimeout is 0, or it would cut every stream.
func NewHTTPServer(h http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(log.WithOptions(zap.AddStacktrace(zap.DPanicLevel))),
	}
}

// Shutdown closes every connection of web: politely until the deadline of grace, and for a second in any case, since the
// sessions may have ended at the very end of it and their streams must not look cut.
func Shutdown(grace context.Context, web *http.Server) error {
	until := time.Now().Add(lastWrites)
	if deadline, ok := grace.Deadline(); ok && deadline.After(until) {
		until = deadline
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(grace), until)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		return errors.Join(err, web.Close())
	}
	return nil
}

// Listen opens every address, or none. An address of the other IP version that this machine does not have is left out,
// as long as one remains.
func Listen(ctx context.Context, addresses []string) ([]net.Listener, error) {
	lc := net.ListenConfig{
		Control: setUserTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
		},
	}
	var open []net.Listener
	var faults []error
	for _, address := range addresses {
		l, err := lc.Listen(ctx, "tcp", address)
		if err == nil {
			open = append(open, l)
			continue
		}
		faults = append(faults, fmt.Errorf("listen on %s: %w", address, err))
		if !isNoSuchAddress(err) {
			break
		}
	}
	if len(open) > 0 && (len(faults) == 0 || isNoSuchAddress(faults[len(faults)-1])) {
		return open, nil
	}
	for _, l := range open {
		faults = append(faults, l.Close())
	}
	return nil, errors.Join(faults...)
}
