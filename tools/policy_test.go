package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// desk is a toolset whose text comes from elsewhere: read_page says what its page holds, and how often it was asked;
// burn_page destroys.
type desk struct {
	page  string
	calls atomic.Int32
	hold  chan struct{} // while it is there, read_page waits for it
}

type pageArgs struct {
	Page     string `json:"page,omitempty" jsonschema:"Which."`
	Password string `json:"password,omitempty" jsonschema:"What opens it." sensitive:"true"`
}

type pageResult struct {
	Lines []string `json:"lines" jsonschema:"What it holds."`
	Asked int      `json:"asked" jsonschema:"How often."`
}

func (d *desk) read(ctx context.Context, _ *mcp.Call, _ pageArgs) (pageResult, error) {
	n := int(d.calls.Add(1))
	if d.hold != nil {
		select {
		case <-d.hold:
		case <-ctx.Done():
			return pageResult{}, context.Cause(ctx)
		}
	}
	return pageResult{Lines: strings.Split(d.page, "\n"), Asked: n}, nil
}

func (d *desk) burn(context.Context, *mcp.Call, pageArgs) (mcp.Text, error) {
	d.calls.Add(1)
	return "burnt", nil
}

func (d *desk) pack() pack {
	return pack{name: "desk", outside: elsewhere, open: offers(func() (mcp.Features, error) {
		return mcp.Features{Tools: []*mcp.Tool{
			mcp.NewTool(mcp.ToolSpec{Name: "read_page", Title: "Read a page", Description: "Reads.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}, d.read),
			mcp.NewTool(mcp.ToolSpec{Name: "burn_page", Title: "Burn a page", Description: "Burns.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: false, DestructiveHint: true}}, d.burn),
		}}, nil
	})}
}

// under is a client of d's tools under a policy, written as in the file.
func (d *desk) under(t *testing.T, policy string, change func(*config.Tools)) *client {
	t.Helper()
	cfg := config.Tools{Toolsets: []string{"desk"}, EnableWrites: []string{"burn_page"}, Confirm: config.ConfirmNever}
	tree, err := config.ParseTree("toolgate.yaml", policy)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Policy = tree
	if change != nil {
		change(&cfg)
	}
	box, err := open(cfg, []pack{d.pack()}, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, box.Features())
}

func TestTheRuleOfAToolBeatsThatOfItsToolset(t *testing.T) {
	d := &desk{}
	tree, err := config.ParseTree("toolgate.yaml", "desk: {timeout: 20s, scope: desk:use, rate: 5-M}\nread_page: {timeout: 3s}")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Tools{Toolsets: []string{"desk"}, EnableWrites: []string{"burn_page"}, NamePrefix: "acme_", ResultTokens: 1000, Policy: tree}
	box, err := open(cfg, []pack{d.pack()}, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	type shown struct {
		Name, Scope, Toolset string
		Timeout              time.Duration
		MaxResult            int
		Rate                 config.Rate
	}
	var got []shown
	for _, tool := range box.Features().Tools {
		got = append(got, shown{tool.Name, tool.Scope, tool.Toolset, tool.Timeout, tool.MaxResult, box.Rate(tool.Name)})
	}
	want := []shown{
		{"acme_read_page", "desk:use", "desk", 3 * time.Second, 4000, "5-M"},
		{"acme_burn_page", "desk:use", "desk", 20 * time.Second, 4000, "5-M"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if rate := box.Rate("read_page"); rate != "" {
		t.Errorf("the rate of a name that no client sees = %q, want none", rate)
	}
}

func TestAPolicyIsHeldAgainstTheTools(t *testing.T) {
	tests := []struct {
		name, policy string
		want         []string
	}{
		{"a tool misspelled", "\nread_pages: {timeout: 3s}", []string{"toolgate.yaml:2", `no tool or toolset "read_pages"`, `did you mean "read_page"?`}},
		{"a key misspelled", "read_page: {timeuot: 3s}", []string{"toolgate.yaml:1", `unknown key "timeuot"`, "timeout"}},
		{"too short a time", "read_page: {timeout: 3ms}", []string{"toolgate.yaml:1", "timeout is not within 1s and 15m"}},
		{"no duration", "read_page: {timeout: soon}", []string{"toolgate.yaml:1", `"soon" is not a duration`}},
		{"no rate", "read_page: {rate: often}", []string{`"often" is not a rate`}},
		{"a result of nothing", "read_page: {result_tokens: 1}", []string{"result_tokens is not within 256"}},
		{"what writes is not kept", "burn_page: {cache_ttl: 5s}", []string{"burn_page: cache_ttl is for tools that only read"}},
		{"a mode of its own", "read_page: {content_mode: loud}", []string{`content_mode "loud" is not one of`}},
		{"a scope that no key can hold", "read_page: {scope: Jira:Use}", []string{`no key can hold the scope "Jira:Use"`}},
		{"several at once", "a: {concurrency: -1}\nb: {scope: [x]}", []string{`"a"`, `"b"`, "concurrency is not within", "must be one value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := config.ParseTree("toolgate.yaml", tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			cfg := config.Tools{Toolsets: []string{"desk"}, EnableWrites: []string{"burn_page"}, Policy: tree}
			_, err = open(cfg, []pack{(&desk{}).pack()}, Options{Log: zap.NewNop()})
			if err == nil {
				t.Fatal("open = nil, want a refusal")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("open = %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestAKeptResultServesAgainUntilItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{page: "hello"}
		c := d.under(t, "read_page: {cache_ttl: 1m}", nil)
		asked := func() string { return c.call("read_page", `{"page": "a"}`).text() }
		first := asked()
		if again := asked(); again != first || d.calls.Load() != 1 {
			t.Errorf("asked again: %s after %d calls, want %s after one", again, d.calls.Load(), first)
		}
		if c.call("read_page", `{"page":"b"}`); d.calls.Load() != 2 {
			t.Errorf("another question: %d calls, want 2", d.calls.Load())
		}
		d.calls.Store(0)
		if c.call("read_page", `{}`); c.call("read_page", `{ }`).IsError || d.calls.Load() != 1 {
			t.Errorf("without arguments: %d calls, want 1", d.calls.Load())
		}
		d.calls.Store(2)
		c.peer = mcp.NewPeer(&mcp.Principal{ID: "key:bob", Scopes: []string{mcp.ScopeRead}}, "", mcp.WireLocal, mcp.Newest())
		if asked(); d.calls.Load() != 3 {
			t.Errorf("another caller: %d calls, want 3", d.calls.Load())
		}
		<-time.After(time.Minute)
		if asked(); d.calls.Load() != 4 {
			t.Errorf("a minute later: %d calls, want 4", d.calls.Load())
		}
	})
}

func TestKeptResultsAreOfTheirVeryArguments(t *testing.T) {
	r := newResults(time.Minute)
	server, err := mcp.NewServer(mcp.Features{Tools: []*mcp.Tool{mcp.NewTool(mcp.ToolSpec{
		Name: "get", Description: "Gets.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
	}, func(_ context.Context, _ *mcp.Call, in struct {
		ID int64 `json:"id"`
	},
	) (mcp.Text, error) {
		return mcp.Text(fmt.Sprint(in.ID)), nil
	}).Within(r.around)}}, mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, server: server, peer: mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest())}
	for _, id := range []string{"9007199254740992", "9007199254740993"} { // one number to who reads them as floats
		if got := c.call("get", `{"id":`+id+`}`).text(); got != id {
			t.Errorf("asked for %s, got %s", id, got)
		}
	}
}

func TestCallsBeyondTheConcurrencyWaitAndThenAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{page: "x", hold: make(chan struct{})}
		c := d.under(t, "read_page: {concurrency: 1}", nil)
		first := make(chan toolResult, 1)
		go func() { first <- c.call("read_page", `{}`) }()
		synctest.Wait()
		refused := c.call("read_page", `{}`)
		if !refused.IsError || !strings.Contains(refused.text(), "read_page is busy") || !strings.Contains(refused.text(), "retryAfterSeconds: 1") {
			t.Errorf("beyond the concurrency: %q, want to be told to come back", refused.text())
		}
		go func() { // one that waits gets the slot that becomes free
			<-time.After(slotWait / 2)
			close(d.hold)
		}()
		if waited := c.call("read_page", `{}`); waited.IsError {
			t.Errorf("one that waited: %q, want its result", waited.text())
		}
		if r := <-first; r.IsError {
			t.Errorf("the first: %q, want its result", r.text())
		}
	})
}

func TestAResultIsCutToItsTokensAndGoesOn(t *testing.T) {
	d := &desk{page: strings.Repeat("a line of some length\n", 500)}
	c := d.under(t, "", func(cfg *config.Tools) { cfg.ResultTokens = 512 })
	lines := 0
	count := func(text string) {
		var part struct {
			Lines []string `json:"lines"`
		}
		if err := json.Unmarshal([]byte(text), &part); err != nil {
			t.Fatalf("a part is no JSON: %v in %.100q", err, text)
		}
		if len(text) > 512*bytesPerToken {
			t.Errorf("a part has %d bytes, want at most %d", len(text), 512*bytesPerToken)
		}
		lines += len(part.Lines)
	}
	r := c.call("read_page", `{}`)
	for parts := 1; ; parts++ {
		count(r.text())
		if len(r.Content) == 1 {
			if parts < 5 {
				t.Errorf("%d parts, want several", parts)
			}
			break
		}
		_, rest, _ := strings.Cut(r.Content[1].Text, `{"continuation": `)
		r = c.call("read_more", `{"continuation":`+rest[:strings.IndexByte(rest, '}')]+`}`)
	}
	if lines != 501 {
		t.Errorf("%d lines in all parts, want every one of 501", lines)
	}
}

func TestWhatDestroysWaitsForAYes(t *testing.T) {
	const ask = `{"name":"burn_page","arguments":{"page":"a","password":"swordfish"%s}%s}`
	destructive := func(cfg *config.Tools) { cfg.Confirm = config.ConfirmDestructive }

	t.Run("a client that cannot ask sends the flag", func(t *testing.T) {
		d := &desk{}
		c := d.under(t, "", destructive)
		r := c.call("burn_page", `{"page":"a"}`)
		if !r.IsError || !strings.Contains(r.text(), `"confirm": true`) || d.calls.Load() != 0 {
			t.Errorf("without the flag: %q after %d calls, want to be told of it", r.text(), d.calls.Load())
		}
		if r := c.call("burn_page", `{"page":"a","confirm":true}`); r.IsError || d.calls.Load() != 1 {
			t.Errorf("with the flag: %q after %d calls, want one call", r.text(), d.calls.Load())
		}
		if r := c.call("read_page", `{"page":"a"}`); r.IsError {
			t.Errorf("what only reads: %q, want no question", r.text())
		}
	})

	t.Run("a client that can ask is asked, whatever the flag says", func(t *testing.T) {
		d := &desk{}
		c := d.under(t, "", destructive)
		for _, tt := range []struct {
			name, answer string
			burnt        bool
		}{
			{"yes", `{"action":"accept","content":{"yes":true}}`, true},
			{"the form without the tick", `{"action":"accept","content":{"yes":false}}`, false},
			{"no", `{"action":"decline"}`, false},
		} {
			c.peer = mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Stateless())
			if err := json.Unmarshal([]byte(`{"elicitation":{"form":{}}}`), &c.peer.Capabilities); err != nil {
				t.Fatal(err)
			}
			before := d.calls.Load()
			var asked struct {
				ResultType   string                     `json:"resultType"`
				RequestState string                     `json:"requestState"`
				Inputs       map[string]json.RawMessage `json:"inputRequests"`
			}
			if err := json.Unmarshal(c.ask("tools/call", fmt.Sprintf(ask, `,"confirm":true`, "")), &asked); err != nil {
				t.Fatal(err)
			}
			if question := string(asked.Inputs["confirm"]); asked.ResultType != "input_required" ||
				!strings.Contains(question, "Burn a page") || strings.Contains(question, "swordfish") {
				t.Fatalf("%s: asked %q (%s), want the title and no secret", tt.name, asked.ResultType, question)
			}
			answers := fmt.Sprintf(`,"requestState":%q,"inputResponses":{"confirm":%s}`, asked.RequestState, tt.answer)
			raw := string(c.ask("tools/call", fmt.Sprintf(ask, `,"confirm":true`, answers)))
			if burnt := d.calls.Load() > before; burnt != tt.burnt {
				t.Errorf("%s: burnt = %v, want %v: %s", tt.name, burnt, tt.burnt, raw)
			}
			if !tt.burnt && !strings.Contains(raw, "nothing was changed") {
				t.Errorf("%s: %s, want to be told that nothing was changed", tt.name, raw)
			}
		}
	})

	t.Run("a rule spares a tool", func(t *testing.T) {
		d := &desk{}
		if r := d.under(t, "burn_page: {confirm: false}", destructive).call("burn_page", `{}`); r.IsError {
			t.Errorf("spared: %q, want no question", r.text())
		}
		if r := d.under(t, "read_page: {confirm: true}", nil).call("read_page", `{}`); !r.IsError {
			t.Errorf("asked for by name: %q, want a question", r.text())
		}
	})
}

func TestTextFromElsewhereIsMarkedAndCleaned(t *testing.T) {
	deceit := "a\u202eb\x1b[31mc\u200bd\te"
	tests := []struct {
		how  config.Cleaning
		want string
	}{
		{config.CleaningKeep, deceit},
		{config.CleaningStrip, "ab[31mcd\te"},
		{config.CleaningEscape, `a\u202eb\u001b[31mc\u200bd` + "\te"},
	}
	for _, tt := range tests {
		t.Run(string(tt.how), func(t *testing.T) {
			d := &desk{page: deceit}
			c := d.under(t, "", func(cfg *config.Tools) { cfg.Untrusted = tt.how })
			var r struct {
				Meta              map[string]any `json:"_meta"`
				StructuredContent pageResult     `json:"structuredContent"`
			}
			if err := json.Unmarshal(c.ask("tools/call", `{"name":"read_page","arguments":{}}`), &r); err != nil {
				t.Fatal(err)
			}
			if got := r.StructuredContent.Lines[0]; got != tt.want {
				t.Errorf("text = %q, want %q", got, tt.want)
			}
			if r.Meta[metaUntrusted] != true {
				t.Errorf("_meta = %v, want it marked as untrusted", r.Meta)
			}
		})
	}
}

func TestErrorsFromElsewhereAreCleaned(t *testing.T) {
	around := foreign(config.CleaningStrip)
	_, err := around(t.Context(), nil, nil, func(context.Context) (*mcp.CallToolResult, error) {
		return nil, &mcp.ToolError{Message: "it said a\u202eb", RetryAfter: 3}
	})
	var said *mcp.ToolError
	if !errors.As(err, &said) || said.Message != "it said ab" || said.RetryAfter != 3 {
		t.Errorf("error = %v, want it cleaned", err)
	}
}

func TestAQuestionShowsArgumentsAsTheyAre(t *testing.T) {
	long := strings.Repeat("é", maxShownArguments)
	for _, tt := range []struct{ arguments, want string }{
		{`{"a":"b"}`, `{"a":"b"}`},
		{"a\u202eb", `a\u202eb`},
		{"x" + long, "x" + strings.Repeat("é", (maxShownArguments-1)/2) + fmt.Sprintf("… (%d more bytes that are not shown)", len(long)-(maxShownArguments-2))},
	} {
		got := plainView(tt.arguments)
		if got != tt.want || !utf8.ValidString(got) {
			t.Errorf("shown %.80q…%.60q, want %.80q", got, got[max(0, len(got)-60):], tt.want)
		}
	}
}

func TestNamesInCleanedJSONStayDifferent(t *testing.T) {
	got, err := cleanJSON([]byte("{\"a\u200b\":\"b\u200b\",\"a\":[\"\u202e\"]}"), config.CleaningStrip)
	if want := `{"a\\u200b":"b","a":[""]}`; err != nil || string(got) != want {
		t.Errorf("cleaned = %s, %v, want %s", got, err, want)
	}
}
