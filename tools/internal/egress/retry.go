package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstPause   = 500 * time.Millisecond // before the first retry, about
	maxRetryWait = 24 * time.Hour         // that an upstream is believed to want
	epoch        = 500_000_000            // a larger number is a time, a smaller one a number of seconds
)

// persist asks the upstream until it answers, retries are used up, or the next would come too late: after the longest wait
// of the options, or after until. Then it returns what came last.
func (c *Client) persist(ctx context.Context, q *question, until func() time.Time) (*answer, error) {
	pauses := backoff.ExponentialBackOff{
		InitialInterval: firstPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: c.opts.MaxWait,
	}
	a, err := c.attempt(ctx, q)
	for range c.opts.Retries {
		wanted, again := worthAgain(a, err)
		wait := max(wanted, min(pauses.NextBackOff(), c.opts.MaxWait))
		if !again || !q.twice || ctx.Err() != nil || wait > c.opts.MaxWait || !time.Now().Add(wait).Before(until()) {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
		next, nextErr := c.attempt(ctx, q)
		if errors.Is(nextErr, ErrOpen) {
			break // what made it open says more
		}
		a, err = next, nextErr
	}
	return a, err
}

// worthAgain says whether the same request may fare better soon, and which wait the upstream asked for.
func worthAgain(a *answer, err error) (wait time.Duration, again bool) {
	if err == nil {
		wait = retryAfter(a.status, a.header, time.Now())
		switch a.status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return wait, true
		}
		return wait, a.status == http.StatusForbidden && wait > 0
	}
	var late lateError
	var unknown *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrRefused), errors.Is(err, ErrTooLarge), errors.Is(err, ErrOpen), errors.Is(err, errClosed),
		errors.As(err, &late), errors.As(err, &certificate), errors.As(err, &unknown) && unknown.IsNotFound:
		return 0, false
	}
	return 0, true
}

// retryAfter is the wait that an answer asks for; 0 where it asks for none.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	switch status {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0
	}
	if wait, ok := parseWait(h.Get("Retry-After"), now); ok {
		return wait
	}
	if left := h.Get("X-RateLimit-Remaining"); left != "0" && (left != "" || status != http.StatusTooManyRequests) {
		return 0 // the reset is that of a limit which is not reached
	}
	wait, _ := parseWait(h.Get("X-RateLimit-Reset"), now)
	return wait
}

// parseWait reads a number of seconds, a time in seconds since 1970, or a date as HTTP or ISO 8601 have it. What is past
// is no wait, and none is longer than a day.
func parseWait(text string, now time.Time) (wait time.Duration, ok bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		if n < epoch {
			return min(time.Duration(min(n, epoch))*time.Second, maxRetryWait), true
		}
		return within(time.Unix(int64(min(n, 1<<40)), 0).Sub(now)), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return within(at.Sub(now)), true
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return within(at.Sub(now)), true
		}
	}
	return 0, false
}

func within(wait time.Duration) time.Duration { return min(max(wait, 0), maxRetryWait) }

// seconds rounds up.
func seconds(wait time.Duration) int { return int((wait + time.Second - 1) / time.Second) }

// deadlineOf is the end of ctx for persist, which always has one.
func deadlineOf(ctx context.Context) func() time.Time {
	return func() time.Time {
		deadline, _ := ctx.Deadline()
		return deadline
	}
}
