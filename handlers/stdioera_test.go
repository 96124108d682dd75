package handlers

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStdioEras: each message is of the era it claims, whatever came before; a probe settles nothing.
func TestStdioEras(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.w.talk()
		for _, tt := range []struct{ name, line, want string }{
			{"a probe that claims nothing", `{"jsonrpc":"2.0","id":1,"method":"server/discover"}`, `"id":1,"error":{"code":-32602,`},
			{"a subscription that claims nothing", `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}`, `"id":1,"error":{"code":-32602,`},
			{"a probe", alone("2", "server/discover", ""), `"supportedVersions":["2026-07-28",`},
			{"a call that stands alone", callAlone("3", "uppercase_text", `{"text":"x"}`), aloneResult("3", "X")},
			{"marked arguments, which have no headers here", callAlone("3", "routed", `{"region":"eu"}`), aloneResult("3", "arrived")},
			{"ping, which claims what has none", alone("4", "ping", ""), `"id":4,"error":{"code":-32601,`},
			{"initialize, which claims what has none", alone("5", "initialize", ""), `"id":5,"error":{"code":-32601,`},
			{"a version that is not served", strings.Replace(alone("6", "tools/list", ""), "2026-07-28", "2099-01-01", 1), `"id":6,"error":{"code":-32022,`},
			{"one that has a handshake", strings.Replace(alone("6", "tools/list", ""), "2026-07-28", "2025-11-25", 1), `"id":6,"error":{"code":-32022,`},
			{"a claim without capabilities", `{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, `"id":7,"error":{"code":-32602,`},
			{"a question to a client that cannot be asked", callAlone("8", "ask", `{}`), `"id":8,"error":{"code":-32021,`},
			{"initialize", initialize("2025-06-18", "{}"), `"id":0,"result":{"protocolVersion":"2025-06-18",`},
			{"a call of the session", call("9", "uppercase_text", `{"text":"y"}`), textResult("9", "Y")},
			{"a call that stands alone, after initialize", callAlone("10", "uppercase_text", `{"text":"z"}`), aloneResult("10", "Z")},
			{"a ping of the session", ping("11"), pong("11")},
		} {
			p.send(tt.line)
			if got := p.next(); !strings.Contains(got, tt.want) {
				t.Errorf("%s: got %s, want %s in it", tt.name, got, tt.want)
			}
		}
		p.send( // nothing of this has an answer
			`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99,`+meta+`}}`,
			`{"jsonrpc":"2.0","method":"no/such","params":{`+meta+`}}`,
			`{"jsonrpc":"2.0","id":3,"result":{}}`,
		)
		p.wantEnd()
	})
}

// TestStdioBatch: a line may be a batch in the one revision that has them.
func TestStdioBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.send(initialize("2025-03-26", "{}"))
		p.next()
		p.send("[" + ping("1") + "," + initialized + "," + call("2", "uppercase_text", `{"text":"x"}`) + "]")
		line, err := p.lines.ReadString('\n')
		if want := "[" + pong("1") + "," + textResult("2", "X") + "]\n"; err != nil || line != want {
			t.Errorf("got %q (%v), want %q", line, err, want)
		}
		p.wantEnd()
	})
}

// TestStdioAsks: only a session is asked over the pipe, never a request that stands alone.
func TestStdioAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.w.talk()
		p.send(initialize("2025-06-18", takesAll))
		p.next()
		p.send(initialized, call("1", "ask", `{}`))
		if got := p.next(); !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":"srv-1","method":"elicitation/create",`) {
			t.Errorf("got %s, want a question", got)
		}
		p.send(strings.Replace(callAlone("2", "ask", `{}`), `"io.modelcontextprotocol/clientCapabilities":{}`, `"io.modelcontextprotocol/clientCapabilities":`+takesAll, 1))
		if got := p.next(); !strings.Contains(got, `"id":2,"result":{"resultType":"input_required",`) {
			t.Errorf("got %s, want the question in the result", got)
		}
		p.send(`{"jsonrpc":"2.0","id":"srv-1","result":{"action":"decline"}}`)
		if got := p.next(); !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":"srv-2","method":"sampling/createMessage",`) {
			t.Errorf("got %s, want the next question", got)
		}
		p.send(`{"jsonrpc":"2.0","id":"srv-2","result":{"role":"assistant","model":"m","content":{"type":"text","text":"x"}}}`)
		if got := p.next(); got != textResult("1", "decline by m") {
			t.Errorf("got %s", got)
		}
		p.wantEnd()
	})
}

// TestStdioAloneTogether: requests that stand alone run side by side and are answered as they end.
func TestStdioAloneTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		p := newPipes(t)
		p.send(callAlone(`"slow"`, "wait", `{}`))
		p.w.heard()
		go func() {
			for i := range n {
				_, _ = io.WriteString(p.in, callAlone(fmt.Sprint(i), "uppercase_text", `{"text":"x"}`)+"\n")
			}
		}()
		got := map[string]bool{}
		for range n {
			got[p.next()] = true
		}
		for i := range n {
			if !got[aloneResult(fmt.Sprint(i), "X")] {
				t.Errorf("no answer to %d", i)
			}
		}
		p.w.pack.gate <- struct{}{}
		if got := p.next(); got != aloneResult(`"slow"`, "let go") {
			t.Errorf("got %s", got)
		}
		p.wantEnd()
	})
}

// TestStdioCancel: a cancelled request has no further message, in either era, and its tool hears of it.
func TestStdioCancel(t *testing.T) {
	for name, call := range map[string]string{
		"alone":     tellAlone(`"c"`, `{"steps":100,"every":1000}`),
		"a session": withToken(`"c"`, "tell", `{"steps":100,"every":1000}`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes(t)
				p.w.talk()
				p.send(call)
				if got := p.next(); !strings.Contains(got, "notifications/progress") {
					t.Errorf("got %s, want progress", got)
				}
				p.next() // a log message
				p.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}`)
				p.w.heard()
				pass(time.Minute)
				p.send(ping("1"))
				if got := p.next(); got != pong("1") {
					t.Errorf("after the cancellation: got %s, want nothing more of the call", got)
				}
				p.wantEnd()
			})
		})
	}
}

// TestStdioCancelUnread: what a cancelled request had to say is dropped even while nobody reads.
func TestStdioCancelUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.w.talk()
		p.send(tellAlone(`"c"`, `{"steps":100,"every":1000}`))
		pass(10 * time.Second) // one message is being written; the others wait
		p.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}`)
		p.w.heard()
		synctest.Wait()
		p.next()
		p.send(ping("1"))
		if got := p.next(); got != pong("1") {
			t.Errorf("got %s, want nothing more of the call", got)
		}
		p.wantEnd()
	})
}

// TestStdioSubscription: subscriptions share the pipe, each message tagged; a cancelled one is silent.
func TestStdioSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		for _, id := range []string{`"a"`, "1"} {
			p.send(listenTo(id, `{"toolsListChanged":true}`))
			if got := p.next(); !strings.Contains(got, "notifications/subscriptions/acknowledged") || !strings.Contains(got, tag(id)) {
				t.Errorf("first: got %s, want the acknowledgement of %s", got, id)
			}
		}
		p.w.talk()
		changed := map[string]bool{p.next(): true, p.next(): true}
		for _, id := range []string{`"a"`, "1"} {
			if want := `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{` + tag(id) + `}}`; !changed[want] {
				t.Errorf("got %v, want %s among them", changed, want)
			}
		}
		p.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}`)
		synctest.Wait()
		p.w.must(p.w.server.SetFeatures(p.w.pack.features()))
		if got := p.next(); !strings.Contains(got, tag("1")) {
			t.Errorf("got %s, want it for the subscription that is left", got)
		}
		p.wantEnd() // which ends the subscription without a word
	})
}

// TestStdioEndAlone: at the end of stdin, or of the program, requests that stand alone are answered if they come to their
// end within the grace, and else cancelled.
func TestStdioEndAlone(t *testing.T) {
	for name, end := range map[string]func(p *pipes){
		"stdin":       func(p *pipes) { _ = p.in.Close() },
		"the program": func(p *pipes) { p.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes(t)
				p.send(callAlone("1", "wait", `{}`), callAlone("2", "wait", `{}`))
				p.w.heard()
				p.w.heard()
				began := time.Now()
				end(p)
				synctest.Wait()
				go func() { pass(time.Second); p.w.pack.gate <- struct{}{} }()
				if got := p.next(); got != aloneResult("1", "let go") && got != aloneResult("2", "let go") {
					t.Errorf("got %s, want the answer of the call that ended", got)
				}
				p.wantEnd()
				if took := time.Since(began); took != aloneGrace {
					t.Errorf("the end took %v, want the grace of %v", took, aloneGrace)
				}
			})
		})
	}
}

// TestStdioEndAtOnce: nothing under way, nothing to wait for.
func TestStdioEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.send(callAlone("1", "uppercase_text", `{"text":"x"}`))
		p.next()
		began := time.Now()
		p.wantEnd()
		if took := time.Since(began); took != 0 {
			t.Errorf("the end took %v, want none", took)
		}
	})
}

// TestStdioAloneUnwritten: where answers cannot be written any more, Serve ends, and what was under way with it.
func TestStdioAloneUnwritten(t *testing.T) {
	fault := errors.New("the disk is on fire")
	in := strings.NewReader(callAlone("1", "uppercase_text", `{"text":"x"}`) + "\n" + callAlone("2", "uppercase_text", `{"text":"x"}`) + "\n")
	if err := serveStdio(t.Context(), newWorld(t), in, failingWriter{fault}); !errors.Is(err, fault) {
		t.Errorf("Serve: got %v, want %v", err, fault)
	}
}
