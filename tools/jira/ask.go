package jira

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

type query map[string][]string

// page is a query for a part of a list, as all of Jira's older lists are asked for it.
func page(start, limit int) query {
	return query{"startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(limit)}}
}

// get reads path into into. missing is what to say where Jira has no such thing. The error is for the model, but for the
// end of ctx.
func (p *Pack) get(ctx context.Context, path string, q query, into any, missing string) error {
	return p.explain(ctx, p.ask(ctx, egress.Request{Method: "GET", Path: path, Query: q}, into), missing)
}

// post sends body to path. What it asks to be done may have been done even where there is an error.
func (p *Pack) post(ctx context.Context, path string, body, into any, missing string) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode a request to Jira: %w", err)
	}
	return p.explain(ctx, p.ask(ctx, egress.Request{Method: "POST", Path: path, Body: encoded}, into), missing)
}

// ask sends a request and decodes its answer into into, which may be nil. The error is not yet for the model.
func (p *Pack) ask(ctx context.Context, r egress.Request, into any) error {
	r.Header = map[string]string{"Accept": "application/json", "Authorization": p.site.authorization(ctx)}
	if r.Body != nil {
		r.Header["Content-Type"] = "application/json"
	}
	resp, err := p.client.Do(ctx, r)
	if err != nil {
		return err
	}
	if strings.Contains(resp.Header.Get("X-Seraph-Loginreason"), "AUTHENTICATED_FAILED") {
		return errNobody
	}
	if into == nil {
		return nil
	}
	if isPage(resp.Header.Get("Content-Type"), resp.Body) {
		return errPage
	}
	if err := decode(resp.Body, into); err != nil {
		p.log.Warn("an answer of Jira has an unknown shape", zap.String("path", r.Path), zap.Error(err))
		return errShape
	}
	return nil
}

// What an answer with a good status can still be.
var (
	errNobody = errors.New("the credential was not accepted") // Jira answers whom it does not know as it would anybody
	errPage   = errors.New("a web page")
	errShape  = errors.New("a shape that is not known")
)

func isPage(contentType string, body []byte) bool {
	return strings.HasPrefix(contentType, "text/html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// decode reads what others encoded, and is not strict about it.
func decode(body []byte, into any) error {
	return json.Unmarshal(body, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// explain makes an error of ask one for the model.
func (p *Pack) explain(ctx context.Context, err error, missing string) error {
	var failed *egress.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNobody):
		return mcp.ToolErrorf("Jira does not accept %s: %s", p.credential(ctx), renew(ctx))
	case errors.Is(err, errPage):
		return mcp.ToolErrorf("Jira answered with a web page in place of data: a login page or a proxy stands before it, or tools.jira.url is not the address of a Jira; the server's operator can mend that")
	case errors.Is(err, errShape):
		return mcp.ToolErrorf("Jira answered in a form that this server does not know; the server's log has more")
	case errors.As(err, &failed):
		return p.refused(ctx, failed, missing)
	}
	return err
}
