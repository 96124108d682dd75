package jira

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
	"toolgate/tools/internal/egress"
)

const maxReason = 500 // bytes of what Jira says of an error that are passed on

// Statuses that mean something of their own (RFC 9110, 15).
const (
	statusBadRequest     = 400
	statusUnauthorized   = 401
	statusForbidden      = 403
	statusNotFound       = 404
	statusConflict       = 409
	statusGone           = 410
	statusUnprocessable  = 422
	statusTooMany        = 429
	statusInternal       = 500
	statusNotImplemented = 501
)

// credential names what a call's requests were signed with, and never shows it.
func (p *Pack) credential(ctx context.Context) string {
	if egress.Caller(ctx) != "" {
		return "the credential that came with this call"
	}
	return "this server's credential (" + p.site.key + ")"
}

// renew says who can do something about a credential.
func renew(ctx context.Context) string {
	if egress.Caller(ctx) != "" {
		return "it may have expired; whoever sent it can renew it"
	}
	return "it may have expired; the server's operator can renew it"
}

// refused tells the model of an answer with a status of 400 or more, or of none. missing is what to say of a 404.
func (p *Pack) refused(ctx context.Context, e *egress.Error, missing string) error {
	reason := reasons(e.Body)
	because := func(text string) error {
		if reason != "" {
			text += ". Jira says: " + reason
		}
		return &mcp.ToolError{Message: text, RetryAfter: e.RetryAfter}
	}
	switch {
	case e.Status == statusBadRequest || e.Status == statusConflict || e.Status == statusUnprocessable:
		if reason == "" {
			reason = "nothing about why"
		}
		return &mcp.ToolError{Message: fmt.Sprintf("Jira refuses the request (%d): %s", e.Status, reason)}
	case e.Status == statusUnauthorized:
		return because(fmt.Sprintf("Jira does not accept %s (401): %s", p.credential(ctx), renew(ctx)))
	case e.Status == statusTooMany || e.Status == 0 || e.Status == statusForbidden && e.RetryAfter > 0:
		return e.ToolError()
	case e.Status == statusForbidden:
		return because(fmt.Sprintf("Jira does not let %s do this (403)", p.credential(ctx)))
	case e.Status == statusNotFound && missing != "":
		return mcp.ToolErrorf("%s, or %s may not see it (404)", missing, p.credential(ctx))
	case e.Status == statusGone:
		return because("this Jira has done away with what the tool asks for (410): it cannot be used here until this server is updated")
	}
	return because(e.Error())
}

// reasons is what an answer's body says is wrong, as plain text; empty where it says nothing, or is a web page.
func reasons(body []byte) string {
	var said struct {
		Messages jsontext.Value `json:"errorMessages"`
		Errors   jsontext.Value `json:"errors"`
		Message  string         `json:"message"`
	}
	if decode(body, &said) != nil {
		return ""
	}
	var parts []string
	var messages []string
	if decode(said.Messages, &messages) == nil {
		parts = append(parts, messages...)
	}
	var byField map[string]string
	if decode(said.Errors, &byField) == nil {
		for _, field := range slices.Sorted(maps.Keys(byField)) {
			parts = append(parts, field+": "+byField[field])
		}
	}
	if len(parts) == 0 && said.Message != "" {
		parts = append(parts, said.Message)
	}
	return clip.To(clip.Line(strings.Join(parts, "; ")), maxReason)
}
