package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
)

// FuzzUnseal: what a client seals comes back; what is not sealed is as it stands; what comes out is text.
func FuzzUnseal(f *testing.F) {
	for _, text := range []string{"", "x", "é\n", "=?base64?eA==?=", "=?base64??=", "=?base64?e?=", "=?BASE64?eA==?=", "=?base64?eA==", "eA==?=", "=?base64?/w==?=", "=?base64?=", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sealed := "=?base64?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
		if got, ok := unseal(sealed); ok != utf8.ValidString(text) || ok && got != text {
			t.Errorf("unseal(%q) = %q, %v, want %q", sealed, got, ok, text)
		}
		got, ok := unseal(text)
		isSealed := strings.HasPrefix(text, "=?base64?") && strings.HasSuffix(text, "?=") && len(text) >= len("=?base64??=")
		switch {
		case !isSealed && (got != text || !ok):
			t.Errorf("unseal(%q) = %q, %v, want it as it stands", text, got, ok)
		case isSealed && ok && !utf8.ValidString(got):
			t.Errorf("unseal(%q) = %q, which is no text", text, got)
		case isSealed && ok && base64.StdEncoding.EncodeToString([]byte(got)) != text[len("=?base64?"):len(text)-len("?=")]:
			t.Errorf("unseal(%q) = %q, which is sealed otherwise", text, got)
		}
	})
}

// FuzzSingle: a value is what is left without blanks around it, of one line, all of it printable; two lines are none.
func FuzzSingle(f *testing.F) {
	for _, value := range []string{"", "x", " \tx\t ", "a b", "a\tb", "é", "\x00", "a\x7f", "\r\nX: y", "=?base64?eA==?="} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		printable := !strings.ContainsFunc(strings.Trim(value, " \t"), func(r rune) bool { return (r < ' ' || r > '~') && r != '\t' })
		got, ok := single(http.Header{"Mcp-Name": {value}}, "mcp-name")
		if ok != printable || ok && got != strings.Trim(value, " \t") {
			t.Errorf("single(%q) = %q, %v, want ok %v", value, got, ok, printable)
		}
		if got, ok := single(http.Header{"Mcp-Name": {value, value}}, "Mcp-Name"); ok || got != "" {
			t.Errorf("of two lines: got %q, %v, want none", got, ok)
		}
	})
}

// FuzzSameValue: strings are the same when they are equal, booleans when their names are, integers when the numbers are,
// however they are written; a value of another type never is.
func FuzzSameValue(f *testing.F) {
	f.Add("x", "x", int64(42), true)
	f.Add("", "\"", int64(-1), false)
	f.Add("NaN", "0x10", int64(1)<<53, true)
	f.Add("Infinity", "1e3", int64(1000), false)
	f.Fuzz(func(t *testing.T, text, header string, n int64, b bool) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		value := text
		if !utf8.ValidString(text) {
			return // no JSON string
		}
		if got := sameValue("string", quoted, header); got != (value == header) {
			t.Errorf("string %s against %q: got %v", quoted, header, got)
		}
		if sameValue("integer", quoted, text) || sameValue("boolean", quoted, text) {
			t.Errorf("the string %s passes for something else", quoted)
		}
		name := jsontext.Value(strconv.FormatBool(b))
		if got := sameValue("boolean", name, header); got != (string(name) == header) {
			t.Errorf("boolean %s against %q: got %v", name, header, got)
		}
		n %= 1 << 53 // beyond it no header may be
		number := jsontext.Value(strconv.FormatInt(n, 10))
		for _, same := range []string{string(number), string(number) + ".0", string(number) + "e0"} {
			if !sameValue("integer", number, same) {
				t.Errorf("integer %s against %q: got false", number, same)
			}
		}
		if sameValue("integer", number, strconv.FormatInt(n+1, 10)) || sameValue("string", number, string(number)) {
			t.Errorf("integer %s passes for another value", number)
		}
		if sameValue("integer", number, header) {
			if parsed, err := strconv.ParseFloat(header, 64); err != nil || parsed != float64(n) {
				t.Errorf("integer %s against %q: got true", number, header)
			}
		}
	})
}

// FuzzHeaderLadder: whatever headers and body say, there is exactly one answer to the request's id, no status of ours, and
// no call runs whose headers a proxy would have read otherwise.
func FuzzHeaderLadder(f *testing.F) {
	w := newWorld(f, unlimited, func(c *config.Config) { c.Auth.Mode = []string{config.AuthNone} }).talk()
	f.Add("2026-07-28", "2026-07-28", "tools/call", "tools/call", "routed", "routed", "eu", "eu")
	f.Add("2026-07-28", "2026-07-28", "tools/call", "tools/call", "routed", "=?base64?cm91dGVk?=", "é", "=?base64?w6k=?=")
	f.Add("2025-11-25", "2026-07-28", "tools/list", "tools/list", "", "", "", "")
	f.Add("2099-01-01", "2099-01-01", "initialize", "initialize", "x", "", "", "")
	f.Add("2026-07-28", "", "server/discover", "ping", "", "", "", "")
	f.Add("2026-07-28", "2026-07-28", "tools/call", "tools/call", "routed", "routed", "eu", "us")
	f.Fuzz(func(t *testing.T, version, versionHeader, method, methodHeader, name, nameHeader, region, regionHeader string) {
		c := &client{tb: t, network: w.network, addr: w.addr}
		for _, value := range []string{versionHeader, methodHeader, nameHeader, regionHeader} {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return // net/http refuses it
			}
		}
		if method == "" || method == "subscriptions/listen" || len(versionHeader)+len(methodHeader)+len(nameHeader)+len(regionHeader) > 10_000 {
			return // no request; a stream; more than a head can hold
		}
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "fuzz", "method": method, "params": map[string]any{
			"name": name, "arguments": map[string]any{"region": region}, "_meta": map[string]any{
				"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": map[string]any{},
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := c.post("/mcp", string(body), "Accept: application/json", "MCP-Protocol-Version:"+versionHeader, "Mcp-Method:"+methodHeader,
			"Mcp-Name:"+nameHeader, "Mcp-Param-Region:"+regionHeader)
		var answer struct {
			JSONRPC, ID   string
			Result, Error json.RawMessage
		}
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
			t.Fatalf("%s: got %d %q: %v", body, got.status, got.body, err)
		}
		if got.status >= 500 || answer.JSONRPC != "2.0" || answer.ID != "fuzz" || (answer.Result == nil) == (answer.Error == nil) {
			t.Errorf("%s: got %d %s, want one answer", body, got.status, got.body)
		}
		if strings.Contains(got.body, "arrived") {
			sent, _ := unseal(strings.Trim(nameHeader, " \t"))
			where, _ := unseal(strings.Trim(regionHeader, " \t"))
			if sent != name || where != region || strings.Trim(methodHeader, " \t") != method || strings.Trim(versionHeader, " \t") != version {
				t.Errorf("%s ran under headers %q, %q, %q, %q", body, versionHeader, methodHeader, nameHeader, regionHeader)
			}
		}
	})
}
