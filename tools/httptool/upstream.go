package httptool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// Bounds of what may be declared.
const (
	defaultTimeout = 30 * time.Second
	minTimeout     = 100 * time.Millisecond
	maxTimeout     = 5 * time.Minute
	maxCache       = time.Hour
	minBody        = config.KiB
	maxBody        = 64 * config.MiB
	minScrubbed    = 6 // characters: what is shorter may be part of any text
)

// upstream is one API that tools ask, and who it is asked as.
type upstream struct {
	name    string // what errors call it
	base    *url.URL
	timeout time.Duration // of a request, where its tool says nothing
	longest time.Duration // that any of its tools may take
	options egress.Options
	client  *egress.Client // nil until open

	headers    map[string]config.Secret
	query      map[string]config.Secret
	caller     string // the name of a credential that callers may bring; empty: none
	callerOnly bool
	callerAs   string // the header that it is sent in
}

// newUpstream checks what was declared of an API. Its faults name the file and line.
func newUpstream(name string, d apiDeclaration, private []string) (*upstream, []error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, d.At.Errorf("api %q: %s", name, fmt.Sprintf(format, args...)))
	}
	u := &upstream{
		name: name, timeout: defaultTimeout, headers: d.Headers, query: d.Query,
		caller: d.Caller, callerOnly: d.CallerOnly, callerAs: d.CallerAs,
	}
	var err error
	if u.base, err = parseBase(d.URL); err != nil {
		fault("url: %v", err)
	}
	if d.Timeout != nil {
		u.timeout = *d.Timeout
		if text := timeoutFault(u.timeout); text != "" {
			fault("%s", text)
		}
	}
	u.longest = u.timeout
	u.options = egress.Options{Name: name, BaseURL: d.URL, Private: private}
	if d.MaxBody != nil {
		u.options.MaxBody = int64(*d.MaxBody)
		if *d.MaxBody < minBody || *d.MaxBody > maxBody {
			fault("max_body: it must be from %s to %s", minBody, maxBody)
		}
	}
	if d.Cache != nil {
		u.options.Cache = *d.Cache
		if *d.Cache < 0 || *d.Cache > maxCache {
			fault("cache: it must be from 0s to %s", maxCache)
		}
	}
	for _, header := range slices.Sorted(maps.Keys(d.Headers)) {
		value := d.Headers[header].Reveal()
		if text := headerFault(header, template{{text: value}}); text != "" {
			fault("%s", text)
		}
		if isEmptyCredential(value) {
			fault("header %q: it is empty; set the variable it is made of, or leave the header out", header)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Query)) {
		if strings.TrimSpace(d.Query[key].Reveal()) == "" {
			fault("query %q: it is empty; set the variable it is made of, or leave it out", key)
		}
	}
	switch {
	case d.CallerOnly && d.Caller == "":
		fault("caller_only: caller must name the credential")
	case d.CallerAs != "" && d.Caller == "":
		fault("caller_as: caller must name the credential")
	case d.CallerAs != "":
		if text := headerFault(d.CallerAs, nil); text != "" {
			fault("caller_as: %s", text)
		}
	}
	if u.callerAs == "" {
		u.callerAs = "Authorization"
	}
	return u, faults
}

// isEmptyCredential says whether nothing is left of a header but the name of a scheme.
func isEmptyCredential(value string) bool {
	value = strings.TrimSpace(value)
	return value == "" || slices.Contains([]string{"basic", "bearer", "token", "apikey"}, strings.ToLower(value))
}

func timeoutFault(d time.Duration) string {
	if d < minTimeout || d > maxTimeout {
		return fmt.Sprintf("timeout: it must be from %s to %s", minTimeout, maxTimeout)
	}
	return ""
}

// parseBase reads an address as an operator wrote it.
func parseBase(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("it is required")
	}
	if placeholder.MatchString(text) {
		return nil, errors.New("no argument may be in the host: what is asked is the operator's to say")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read") // the cause quotes it, passwords too
	case u.User != nil:
		return nil, errors.New("it holds a user or password: write them under headers")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return nil, errors.New("it must be a whole address, https://HOST/PATH")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("it has a query or fragment: write what is asked for under query")
	}
	return u, nil
}

// open makes the client. The upstream's tools have all been declared.
func (u *upstream) open() error {
	u.options.Timeout = u.longest
	u.options.First = u.longest // who declares a long time has an API that thinks before it speaks
	client, err := egress.New(u.options)
	u.client = client
	return err
}

// as gets a call the credential that its requests use: ctx is what they are sent with, headers what is sent.
func (u *upstream) as(ctx context.Context, c *mcp.Call) (asked context.Context, headers map[string]string, err error) {
	headers = map[string]string{}
	for name, value := range u.headers {
		headers[name] = value.Reveal()
	}
	if u.caller == "" {
		return ctx, headers, nil
	}
	own := strings.TrimSpace(c.Credential(u.caller))
	switch {
	case own == "" && u.callerOnly:
		return ctx, nil, mcp.ToolErrorf("%s is only asked with a credential of the caller's own, and none named %q came with this call: it is sent in a header, or belongs to the caller's key", u.name, u.caller)
	case own == "":
		return ctx, headers, nil
	case strings.ContainsFunc(own, unicode.IsControl):
		return ctx, nil, mcp.ToolErrorf("the credential for %s that came with this call holds a line break or control character", u.name)
	}
	maps.DeleteFunc(headers, func(name, _ string) bool { return strings.EqualFold(name, u.callerAs) })
	sent := own
	if strings.EqualFold(u.callerAs, "Authorization") && !strings.Contains(own, " ") {
		sent = "Bearer " + own
	}
	headers[u.callerAs] = sent
	return egress.As(ctx, own), headers, nil
}

// secrets are the texts of what a request was sent with that must not come back.
func (u *upstream) secrets(ctx context.Context) []string {
	var all []string
	add := func(value string) {
		_, after, _ := strings.Cut(value, " ")
		for _, text := range []string{value, after} {
			if len(text) >= minScrubbed {
				all = append(all, text)
			}
		}
	}
	for _, s := range u.headers {
		add(s.Reveal())
	}
	for _, s := range u.query {
		add(s.Reveal())
	}
	add(egress.Caller(ctx))
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longer holds the shorter
	return all
}
