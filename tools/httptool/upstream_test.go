package httptool

import (
	"net/http"
	"strings"
	"testing"

	"toolgate/mcp"
)

const credentials = `
private: [HOST]
apis:
  shared: {url: SERVER, headers: {authorization: Bearer shared-key}, caller: shop}
  own: {url: SERVER, caller: shop, caller_only: true}
  keyed: {url: SERVER, headers: {X-Key: shared-key}, caller: shop, caller_as: x-key}
  kept: {url: SERVER, headers: {Authorization: Bearer shared-key}, caller: shop, cache: 1m}
tools:
  - {name: shared, description: Shared., api: shared}
  - {name: own, description: Own., api: own}
  - {name: keyed, description: Keyed., api: keyed}
  - {name: kept, description: Kept., api: kept}
`

func TestWhoseCredentialIsUsed(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{}`))
	tests := []struct {
		name, tool, own string
		header, want    string
	}{
		{"ours without another", "shared", "", "Authorization", "Bearer shared-key"},
		{"the caller's before ours", "shared", "their-key", "Authorization", "Bearer their-key"},
		{"the caller's with a scheme", "shared", "Basic dXNlcjpwYXNz", "Authorization", "Basic dXNlcjpwYXNz"},
		{"the caller's alone", "own", "their-key", "Authorization", "Bearer their-key"},
		{"in a header of the API's own", "keyed", "their-key", "X-Key", "their-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, a.declaredAt(credentials))
			if tt.own != "" {
				d.terms = &mcp.Terms{Credentials: mcp.Credentials{"shop": tt.own, "other": "not-this-one"}}
			}
			if got := d.call(tt.tool, `{}`); got.IsError {
				t.Fatal(got)
			}
			if got := a.last(t).header.Values(tt.header); len(got) != 1 || got[0] != tt.want {
				t.Errorf("%s = %q, want %q alone", tt.header, got, tt.want)
			}
		})
	}
}

func TestACallWithoutItsOwnCredentialIsRefused(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{}`))
	d := open(t, a.declaredAt(credentials))
	if got, want := d.call("own", `{}`).String(), "own is only asked with a credential of the caller's own"; !strings.Contains(got, want) {
		t.Errorf("own = %s, want %q", got, want)
	}
	d.terms = &mcp.Terms{Credentials: mcp.Credentials{"shop": "a\r\nX-Evil: 1"}}
	if got, want := d.call("own", `{}`).String(), "holds a line break"; !strings.Contains(got, want) {
		t.Errorf("own = %s, want %q", got, want)
	}
	a.unasked(t)
}

func TestWhatIsKeptIsKeptForEachCaller(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answers(200, "application/json", `{"for":"`+r.Header.Get("Authorization")[len("Bearer "):len("Bearer ")+1]+`"}`)(w, r)
	})
	d := open(t, a.declaredAt(credentials))
	for _, own := range []string{"alice-key", "bob-key", "alice-key", "bob-key"} {
		d.terms = &mcp.Terms{Credentials: mcp.Credentials{"shop": own}}
		if got, want := d.call("kept", `{}`).String(), `{"for":"`+own[:1]+`"}`; got != want {
			t.Errorf("kept for %s = %s, want %s", own, got, want)
		}
	}
	a.last(t)
	a.last(t)
	a.unasked(t) // the third and fourth call were answered by what is kept
}

func TestACallersCredentialIsNotSaidBack(t *testing.T) {
	a := serve(t, answers(401, "application/json", `{"message":"their-key is not known, nor is shared-key"}`))
	d := open(t, a.declaredAt(credentials))
	d.terms = &mcp.Terms{Credentials: mcp.Credentials{"shop": "their-key"}}
	got := d.call("shared", `{}`).String()
	if want := "whoever sent it can renew it. It says: *** is not known, nor is ***"; !strings.Contains(got, want) {
		t.Errorf("shared = %s\nwant %q", got, want)
	}
}

// No address but those that the operator wrote is asked, and none of a private network unless it is named.
func TestOnlyWhatIsDeclaredIsAsked(t *testing.T) {
	inner := serve(t, answers(200, "application/json", `{"secret":true}`))
	_, port, _ := strings.Cut(strings.TrimPrefix(inner.URL, "http://"), ":")
	t.Run("a private address that is not named", func(t *testing.T) {
		for _, host := range []string{"127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0", "localhost", "0x7f.1", "127.1"} {
			d := open(t, "tools: [{name: get, description: Gets., url: 'http://"+host+":"+port+"/'}]\n")
			if got := d.call("get", `{}`); !got.IsError || strings.Contains(got.String(), "internal error") {
				t.Errorf("%s: %v, want an error of the tool's", host, got)
			}
			inner.unasked(t)
		}
	})
	t.Run("where clouds keep credentials", func(t *testing.T) {
		d := open(t, "tools: [{name: get, description: Gets., url: 'http://169.254.169.254/latest/meta-data/'}]\n")
		if got, want := d.call("get", `{}`).String(), "its address is not a public one"; !strings.Contains(got, want) {
			t.Errorf("get = %s, want %q", got, want)
		}
	})
	t.Run("a redirect inward", func(t *testing.T) {
		outer := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL+"/", http.StatusFound)
		})
		d := open(t, outer.declaredAt("private: [HOST]\ntools: [{name: get, description: Gets., url: 'SERVER/'}]\n"))
		if got, want := d.call("get", `{}`).String(), "redirects to another host"; !strings.Contains(got, want) {
			t.Errorf("get = %s, want %q", got, want)
		}
		inner.unasked(t)
	})
}

func TestACallAfterCloseFails(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{}`))
	d := open(t, a.declaredAt(credentials))
	d.pack.Close()
	if got, want := d.call("shared", `{}`).String(), "the server is shutting down"; !strings.Contains(got, want) {
		t.Errorf("shared = %s, want %q", got, want)
	}
	a.unasked(t)
}

func TestWritesAreNotSentTwice(t *testing.T) {
	for _, tt := range []struct {
		tool string
		want int
	}{{"make", 1}, {"find", 3}, {"replace", 3}, {"change", 1}} {
		t.Run(tt.tool, func(t *testing.T) {
			t.Parallel() // the pauses between attempts are real
			a := serve(t, answers(503, "text/plain", "down"))
			d := open(t, a.declaredAt(`
private: [HOST]
tools:
  - {name: make, description: Makes., url: SERVER/, method: POST}
  - {name: find, description: Finds., url: SERVER/, method: POST, write: false}
  - {name: replace, description: Replaces., url: SERVER/, method: PUT}
  - {name: change, description: Changes., url: SERVER/, method: PATCH}
`))
			if got := d.call(tt.tool, `{}`); !got.IsError {
				t.Fatalf("%s = %v, want an error", tt.tool, got)
			}
			if got := len(a.requests); got != tt.want {
				t.Errorf("%s was sent %d times, want %d", tt.tool, got, tt.want)
			}
		})
	}
}
