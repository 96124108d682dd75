package mcp

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestASessionGoesOnWithAnotherCredential: what a message may do is what the credential it came with may do, and not the one
// that opened the session.
func TestASessionGoesOnWithAnotherCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		reader := &Principal{ID: "jwt:a:alice", Scopes: []string{ScopeRead}}
		writer := &Principal{ID: "jwt:a:alice", Scopes: []string{ScopeWrite}}
		c := w.hello(OpenOptions{Principal: reader})
		tools := func(p *Principal, id string) string {
			m, fault := Decode([]byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"tools/list"}`))
			if fault != nil {
				t.Fatal(fault)
			}
			if err := w.registry.Deliver(c.id(), p, m, nil); err != nil {
				t.Fatal(err)
			}
			return strings.Join(c.settled(), "")
		}
		if got := tools(reader, "1"); strings.Contains(got, `"name":"erase"`) || !strings.Contains(got, `"tools"`) {
			t.Errorf("with tools:read: got %s, want no tool that writes", got)
		}
		if got := tools(writer, "2"); !strings.Contains(got, `"name":"erase"`) {
			t.Errorf("with tools:write: got %s, want the tool that writes", got)
		}
		if got := tools(reader, "3"); strings.Contains(got, `"name":"erase"`) {
			t.Errorf("with tools:read again: got %s, want no tool that writes", got)
		}
		m, _ := Decode([]byte(`{"jsonrpc":"2.0","id":4,"method":"ping"}`))
		if err := w.registry.Deliver(c.id(), &Principal{ID: "jwt:b:alice", Scopes: writer.Scopes}, m, nil); !errors.Is(err, ErrNoSession) {
			t.Errorf("another principal: %v, want ErrNoSession", err)
		}
	})
}

func TestSessionsOfARevokedCredentialEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		mine, other := w.hello(OpenOptions{Principal: principals("reader")}), w.hello(OpenOptions{Principal: principals("reader2")})
		if n := w.registry.EndWhere(func(p *Principal) bool { return p.ID == mine.principal.ID }); n != 1 {
			t.Errorf("ended %d sessions, want the one", n)
		}
		<-mine.stream.Done()
		if reason := EndReason(mine.stream.Cause()); reason != "credential_revoked" {
			t.Errorf("it ended with %q, want credential_revoked", reason)
		}
		select {
		case <-other.stream.Done():
			t.Error("another's session ended too")
		default:
		}
	})
}

func TestLacks(t *testing.T) {
	w := newWorld(t, settings{})
	call := func(name string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":{}}}`
	}
	for _, c := range []struct {
		name, message string
		holds, want   []string
	}{
		{"it holds the scope", call("erase"), []string{ScopeWrite}, nil},
		{"a broader scope will do", call("erase"), []string{ScopeAdmin}, nil},
		{"a narrower one does not", call("erase"), []string{ScopeRead}, []string{ScopeWrite}},
		{"none at all", call("erase"), nil, []string{ScopeWrite}},
		{"a tool that there is none of", call("nothing"), nil, nil},
		{"another method", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, nil, nil},
		{"params that are none", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}`, nil, nil},
		{"all at once, each once", "[" + call("erase") + "," + call("erase") + "," + call("echo") + "]", nil, []string{ScopeWrite, ScopeRead}},
	} {
		m, fault := Decode([]byte(c.message))
		if fault != nil {
			t.Fatal(fault)
		}
		if got := w.server.Lacks(&Principal{ID: "x", Scopes: c.holds}, m); !slices.Equal(got, c.want) {
			t.Errorf("%s: lacks %q, want %q", c.name, got, c.want)
		}
	}
}

// TestSubscriptionsOfARevokedCredentialEnd: each with its answer, and no other.
func TestSubscriptionsOfARevokedCredentialEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		listen := func(p *Principal) *Stream {
			m, fault := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true}}}`))
			if fault != nil {
				t.Fatal(fault)
			}
			st, refused := w.server.Listen(t.Context(), NewPeer(p, "", WireHTTP, Stateless()), m)
			if refused != nil {
				t.Fatal(refused)
			}
			t.Cleanup(func() { st.Close(ClientGone()) })
			return st
		}
		mine, other := listen(principals("reader")), listen(principals("reader2"))
		if n := w.server.EndWhere(func(p *Principal) bool { return p.ID == principals("reader").ID }); n != 1 {
			t.Errorf("ended %d subscriptions, want the one", n)
		}
		last := func(st *Stream) string {
			events := st.Take(nil)
			return string(events[len(events)-1].Data)
		}
		if got := last(mine); !strings.Contains(got, `"resultType":"complete"`) {
			t.Errorf("its last word: %s, want its answer", got)
		}
		if got := last(other); !strings.Contains(got, "acknowledged") {
			t.Errorf("another's last word: %s, want nothing after the acknowledgement", got)
		}
		if n := w.server.EndWhere(func(*Principal) bool { return false }); n != 0 {
			t.Errorf("ended %d of nobody's", n)
		}
	})
}
