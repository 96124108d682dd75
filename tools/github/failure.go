package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
	"toolgate/tools/internal/egress"
)

// Statuses that mean something of their own here.
const (
	statusUnauthorized     = 401
	statusForbidden        = 403
	statusNotFound         = 404
	statusNotAcceptable    = 406
	statusConflict         = 409
	statusGone             = 410
	statusNotSatisfiable   = 416
	statusUnprocessable    = 422
	statusTooManyRequests  = 429
	statusUnavailableLegal = 451
	statusServerError      = 500
)

const (
	maxReason     = 600             // bytes of what GitHub says of an error that are passed on
	secondaryWait = 60              // seconds; what GitHub asks for where it names no wait after too many requests at once
	workingWait   = 5               // seconds until an answer that GitHub still works out
	maxWait       = 24 * time.Hour  // that GitHub is believed to want
	resetSlack    = 1 * time.Second // clocks differ
)

// told turns what a call failed with into what the model is told of it. What is ours stays as it is.
func (p *Pack) told(ctx context.Context, err error) error {
	var tool *mcp.ToolError
	var upstreamFailed *egress.Error
	var ask *askError
	var limit *gh.RateLimitError
	var secondary *gh.AbuseRateLimitError
	var refused *gh.ErrorResponse
	var locked *gh.TwoFactorAuthError
	var working *gh.AcceptedError
	missing := ""
	if errors.As(err, &ask) {
		missing = ask.missing
	}
	switch {
	case errors.As(err, &tool):
		return tool
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &upstreamFailed):
		return egress.ToolError(err)
	case errors.As(err, &limit):
		return limited(ctx, limit)
	case errors.As(err, &secondary):
		wait := secondaryWait
		if secondary.RetryAfter != nil && *secondary.RetryAfter > 0 {
			wait = seconds(*secondary.RetryAfter)
		}
		return &mcp.ToolError{
			Message:    fmt.Sprintf("GitHub asks to wait: too many requests at once with %s (%d, secondary rate limit)", credential(ctx), secondary.Response.StatusCode),
			RetryAfter: wait,
		}
	case errors.As(err, &locked):
		return mcp.ToolErrorf("GitHub wants a one-time password beside %s (401): use a token instead of a password", credential(ctx))
	case errors.As(err, &working):
		return &mcp.ToolError{Message: "GitHub is still working the answer out (202): ask again soon", RetryAfter: workingWait}
	case errors.As(err, &refused) && refused.Response != nil:
		return refusal(ctx, refused, missing)
	case garbled(err):
		return mcp.ToolErrorf("GitHub's answer is not what its API gives; if that stays so, the server's operator can look at tools.github.api_url")
	}
	return err
}

// limited tells of the limit of requests an hour.
func limited(ctx context.Context, e *gh.RateLimitError) error {
	wait := 0
	if reset := e.Rate.Reset.Time; !reset.IsZero() {
		wait = seconds(min(max(time.Until(reset)+resetSlack, resetSlack), maxWait))
	}
	text := fmt.Sprintf("GitHub's rate limit for %s is used up (%d)", credential(ctx), e.Response.StatusCode)
	if e.Rate.Limit > 0 {
		text = fmt.Sprintf("GitHub's rate limit of %d requests for %s is used up (%d)", e.Rate.Limit, credential(ctx), e.Response.StatusCode)
	}
	return &mcp.ToolError{Message: text, RetryAfter: wait}
}

// refusal tells of a status of 400 or more.
func refusal(ctx context.Context, e *gh.ErrorResponse, missing string) error {
	status, reason := e.Response.StatusCode, reasons(e)
	said := func(text string) string {
		if reason != "" {
			text += ". GitHub says: " + reason
		}
		return text
	}
	switch status {
	case statusUnauthorized:
		return mcp.ToolErrorf("GitHub does not accept %s (401): it may have expired; %s can renew it", credential(ctx), mender(ctx))
	case statusForbidden:
		text := fmt.Sprintf("GitHub does not let %s do this (403)", credential(ctx))
		if sso := e.Response.Header.Get("X-GitHub-SSO"); sso != "" {
			text += fmt.Sprintf(": it must first be authorized for the organization's single sign-on (SAML SSO), by %s", mender(ctx))
		}
		return &mcp.ToolError{Message: said(text), RetryAfter: headerWait(e.Response.Header.Get("Retry-After"))}
	case statusNotFound:
		if missing == "" {
			missing = "there is no such thing"
		}
		return mcp.ToolErrorf("%s, or %s may not see it (404)", missing, credential(ctx))
	case statusUnprocessable:
		return mcp.ToolErrorf("%s", said("GitHub cannot do what was asked (422)"))
	case statusTooManyRequests:
		wait := headerWait(e.Response.Header.Get("Retry-After"))
		if wait == 0 {
			wait = secondaryWait
		}
		return &mcp.ToolError{Message: "GitHub asks to wait (429)", RetryAfter: wait}
	case statusUnavailableLegal:
		return mcp.ToolErrorf("%s", said("GitHub keeps this from view for legal reasons (451)"))
	}
	if status >= statusServerError {
		return &mcp.ToolError{
			Message:    fmt.Sprintf("GitHub answered %d: it has trouble of its own; try again later", status),
			RetryAfter: headerWait(e.Response.Header.Get("Retry-After")),
		}
	}
	return mcp.ToolErrorf("%s", said(fmt.Sprintf("GitHub answered %d", status)))
}

// reasons is what GitHub says is wrong, as one line; empty where it says nothing.
func reasons(e *gh.ErrorResponse) string {
	parts := []string{}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	for _, one := range e.Errors {
		switch {
		case one.Message != "":
			parts = append(parts, one.Message)
		case one.Field != "":
			parts = append(parts, strings.TrimSpace(one.Field+" "+one.Code))
		case one.Code != "":
			parts = append(parts, one.Code)
		}
	}
	return clip.To(clip.Line(strings.Join(parts, "; ")), maxReason)
}

// status is that of the answer which an error stands for; 0 where there was none, or it is a rate limit's.
func status(err error) int {
	var refused *gh.ErrorResponse
	if errors.As(err, &refused) && refused.Response != nil {
		return refused.Response.StatusCode
	}
	return 0
}

// garbled says that an answer could not be read as JSON of the kind expected.
func garbled(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errGarbled)
}

var errGarbled = errors.New("the answer is not what the API gives")

// credential names what a call's requests are signed with, and never shows it.
func credential(ctx context.Context) string {
	if egress.Caller(ctx) != "" {
		return "the token that came with this call"
	}
	return "this server's token"
}

// mender is who can do something about a token.
func mender(ctx context.Context) string {
	if egress.Caller(ctx) != "" {
		return "whoever sent it"
	}
	return "the server's operator"
}

// headerWait reads a Retry-After in seconds; 0 where there is none.
func headerWait(text string) int {
	wait, err := time.ParseDuration(strings.TrimSpace(text) + "s")
	if err != nil || wait < 0 {
		return 0
	}
	return seconds(min(wait, maxWait))
}

// seconds rounds up.
func seconds(wait time.Duration) int { return int((wait + time.Second - 1) / time.Second) }
