package handlers

import (
	"net/http"
	"strings"

	"toolgate/mcp"
)

// Headers by which a client narrows, for one request, the tools that it reaches: names separated by commas, and a flag.
// They only take away: what its credential may not use, no header gives.
const (
	headerToolsets     = "X-Mcp-Toolsets"
	headerTools        = "X-Mcp-Tools"
	headerExcludeTools = "X-Mcp-Exclude-Tools"
	headerReadonly     = "X-Mcp-Readonly"
)

// Headers in which a client says to which trace a request belongs (W3C, Trace Context and Baggage). What a message says of
// itself, in its _meta, goes before them.
const (
	headerTraceparent = "Traceparent"
	headerTracestate  = "Tracestate"
	headerBaggage     = "Baggage"
)

// narrowingHeaders lists all of these, for preflights.
func narrowingHeaders() []string {
	return []string{
		headerToolsets, headerTools, headerExcludeTools, headerReadonly, headerTraceparent, headerTracestate, headerBaggage,
	}
}

// terms reads what came beside a request about tools and its trace; nil where nothing did. callerHeaders are the headers in which a
// caller may bring a credential of its own, and what each is for.
func terms(h http.Header, callerHeaders map[string]string) *mcp.Terms {
	traced := len(h[headerTraceparent]) == 1                 // of two, neither is to be believed
	if !traced && !narrows(h) && !brings(h, callerHeaders) { // nearly always
		return nil
	}
	t := &mcp.Terms{
		Toolsets: nameList(h[headerToolsets]), Tools: nameList(h[headerTools]), Exclude: nameList(h[headerExcludeTools]),
		ReadOnly: isOn(h.Get(headerReadonly)),
	}
	if traced {
		t.Trace = mcp.Trace{
			Parent: h.Get(headerTraceparent), State: strings.Join(h[headerTracestate], ","), Baggage: strings.Join(h[headerBaggage], ","),
		}
	}
	for header, upstream := range callerHeaders {
		if own := h.Get(header); own != "" {
			if t.Credentials == nil {
				t.Credentials = mcp.Credentials{}
			}
			t.Credentials[upstream] = own
		}
	}
	return t
}

func narrows(h http.Header) bool {
	return h[headerToolsets] != nil || h[headerTools] != nil || h[headerExcludeTools] != nil || h[headerReadonly] != nil
}

func brings(h http.Header, callerHeaders map[string]string) bool {
	for header := range callerHeaders {
		if h[header] != nil {
			return true
		}
	}
	return false
}

// nameList reads a list of names; nil where the header is not there. An empty one names nothing, and so leaves nothing.
func nameList(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	names := []string{}
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// isOn reads a flag. Whatever is no plain no counts as yes: who sends it wants less.
func isOn(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}
