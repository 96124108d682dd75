package mcp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// part is a tool's result as a client gets it.
type part struct {
	Result struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		StructuredContent jsontext.Value `json:"structuredContent"`
		IsError           bool           `json:"isError"`
	} `json:"result"`
}

var named = regexp.MustCompile(`\{"continuation": "([^"]+)"\}`)

// continuation is what the last block of a cut result names; empty where it was not cut.
func (p *part) continuation() string {
	blocks := p.Result.Content
	if match := named.FindStringSubmatch(blocks[len(blocks)-1].Text); match != nil {
		return match[1]
	}
	return ""
}

// ask calls a tool and reads its result.
func (c *client) ask(id int, tool, arguments string) *part {
	c.w.tb.Helper()
	c.call(id, tool, `,"arguments":`+arguments)
	p := &part{}
	if err := json.Unmarshal([]byte(c.next()), p); err != nil {
		c.w.tb.Fatal(err)
	}
	return p
}

func (c *client) readMore(id int, continuation string) *part {
	c.w.tb.Helper()
	return c.ask(id, "read_more", `{"continuation":"`+continuation+`"}`)
}

// parts calls a tool and reads on until nothing is left.
func (c *client) parts(tool, arguments string) (all []*part) {
	c.w.tb.Helper()
	all = append(all, c.ask(1, tool, arguments))
	for id := 2; all[len(all)-1].continuation() != ""; id++ {
		all = append(all, c.readMore(id, all[len(all)-1].continuation()))
	}
	return all
}

func TestATextIsReadOnToItsEnd(t *testing.T) {
	c := newWorld(t, settings{Options: Options{MaxResult: 2048}}).hello(OpenOptions{})
	parts := c.parts("lines", `{"n":200}`)
	var whole strings.Builder
	for i, p := range parts {
		text := p.Result.Content[0].Text
		if p.Result.IsError || !strings.HasSuffix(text, "\n") {
			t.Errorf("part %d is not cut at a line's end: …%.20q", i, text[max(0, len(text)-20):])
		}
		whole.WriteString(text)
	}
	if want := strings.Repeat("123456789 123456789 123456789 12345678\n", 200); whole.String() != want || len(parts) < 4 {
		t.Errorf("%d parts of %d bytes, want %d bytes", len(parts), whole.Len(), len(want))
	}
}

func TestRowsAreReadOnToTheirEnd(t *testing.T) {
	c := newWorld(t, settings{Options: Options{MaxResult: 2048}}).hello(OpenOptions{})
	parts := c.parts("rows", `{"n":200}`)
	type shape struct {
		Rows []string `json:"rows"`
	}
	var first shape
	if err := json.Unmarshal(parts[0].Result.StructuredContent, &first); err != nil || len(first.Rows) == 0 {
		t.Fatalf("the first part keeps no shape: %s, %v", parts[0].Result.StructuredContent, err)
	}
	var rows []string
	for _, p := range parts {
		var s shape
		if err := json.Unmarshal([]byte(p.Result.Content[0].Text), &s); err != nil {
			t.Fatalf("%s: %v", p.Result.Content[0].Text, err)
		}
		rows = append(rows, s.Rows...)
	}
	if len(rows) != 200 || !slices.IsSorted(rows) || len(slices.Compact(rows)) != 200 {
		t.Errorf("%d rows in %d parts", len(rows), len(parts))
	}
}

func TestAContinuationIsGoodOnceAndForItsOwnerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Options: Options{MaxResult: 2048}})
		mine, theirs := w.hello(OpenOptions{Principal: principals("reader")}), w.hello(OpenOptions{Principal: principals("reader2")})
		name := mine.ask(1, "lines", `{"n":100}`).continuation()
		if got := theirs.readMore(1, name); !got.Result.IsError {
			t.Error("a stranger read on")
		}
		if got := mine.readMore(2, name); got.Result.IsError {
			t.Errorf("its owner: %s", got.Result.Content[0].Text)
		}
		if got := mine.readMore(3, name); !got.Result.IsError {
			t.Error("a part was read twice")
		}
		name = mine.ask(4, "lines", `{"n":100}`).continuation()
		advance(restTTL + time.Nanosecond)
		if got := mine.readMore(5, name); !got.Result.IsError {
			t.Error("a part was read after its time")
		}
	})
}

func TestWhatIsKeptToReadOnIsBounded(t *testing.T) {
	c, large := newContinuations(readMoreName), strings.Repeat("a", 30<<20)
	note := c.keep("", rest{text: large})
	for range 10 {
		c.keep("", rest{text: large})
		if c.bytes > restBytes || len(c.named) != c.byAge.Len() {
			t.Fatalf("%d bytes are kept under %d names", c.bytes, len(c.named))
		}
	}
	if _, ok := c.take("", named.FindStringSubmatch(note)[1]); ok {
		t.Error("the oldest was not the first to go")
	}
}

func TestWhatCannotBeCutIsRefused(t *testing.T) {
	picture := func(context.Context, *Call, none) (*CallToolResult, error) {
		return &CallToolResult{Content: []Content{ImageContent("image/png", make([]byte, 4096))}}, nil
	}
	flat := func(context.Context, *Call, none) (struct {
		Text string `json:"text"`
	}, error,
	) {
		return struct {
			Text string `json:"text"`
		}{strings.Repeat("a", 4096)}, nil
	}
	w := newWorld(t, settings{Options: Options{MaxResult: 2048}, Features: func(*yard) Features {
		return Features{Tools: []*Tool{
			NewTool(readOnly("picture", "A picture."), picture),
			NewTool(readOnly("flat", "An object without an array."), flat),
		}}
	}})
	c := w.hello(OpenOptions{})
	for i, tool := range []string{"picture", "flat"} {
		got := c.ask(i, tool, `{}`)
		if !got.Result.IsError || !strings.Contains(got.Result.Content[0].Text, "ask for less") {
			t.Errorf("%s: %+v", tool, got.Result)
		}
	}
}

// A tool's text may come from anywhere. What is no UTF-8 cannot be sent, and must not be given for read_more without end.
func TestATextThatIsNotUTF8(t *testing.T) {
	text := strings.Repeat("\x80", 5000)
	for parts := 0; text != ""; parts++ {
		var head string
		if head, text = cutText(text, 1000); head == "" || parts > 5 {
			t.Fatalf("part %d is %d bytes, %d are left", parts, len(head), len(text))
		}
	}
}

func TestMaxResultMustLeaveRoomForANote(t *testing.T) {
	info := Implementation{Name: "shop", Version: "1"}
	if _, err := NewServer(Features{}, Options{Info: info, MaxResult: noteRoom}); err == nil {
		t.Error("a server was made that could not read on")
	}
}

func TestAnElementTooLargeToShowIsLeftOutAlone(t *testing.T) {
	w := newWorld(t, settings{Options: Options{MaxResult: 2048}})
	s := w.registry.server
	large := jsontext.Value(`"` + strings.Repeat("x", 3000) + `"`)
	got := s.nextPart("", rest{member: "rows", items: []jsontext.Value{large, jsontext.Value(`"after"`)}, shown: 7, limit: 2048})
	text := func(i int) string { return *got.Content[i].Text }
	if len(got.Content) != 3 || text(0) != `{"rows":[]}` || !strings.Contains(text(1), "Element 8 is left out: it has 3002 bytes") {
		t.Fatalf("%d blocks, the first %q", len(got.Content), text(0))
	}
	name, ok := s.Continuation(Anonymous(), text(2))
	if !ok {
		t.Fatalf("what comes after it cannot be read: %q", text(2))
	}
	after, _ := s.rests.take("", name)
	if got := s.nextPart("", after); *got.Content[0].Text != `{"rows":["after"]}` {
		t.Errorf("after it: %q", *got.Content[0].Text)
	}
}

func TestAResourceTooLargeIsRefused(t *testing.T) {
	w := newWorld(t, settings{Features: func(*yard) Features {
		return Features{Resources: []*Resource{{
			URI: "big://one", Name: "one", Description: "Too large.",
			Read: func(context.Context, *Call, string) ([]ResourceContents, error) {
				return []ResourceContents{{URI: "big://one", Blob: make([]byte, maxWhole+1)}}, nil
			},
		}}}
	}})
	c := w.hello(OpenOptions{})
	c.send(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"big://one"}}`)
	if got := c.next(); !strings.Contains(got, `"error":{"code":-32603,"message":"the resource is too large to be sent`) {
		t.Errorf("got %.200s", got)
	}
}

func TestAFormFilledInWronglyIsNoAnswer(t *testing.T) {
	w := newWorld(t, settings{Features: func(*yard) Features {
		return Features{Tools: []*Tool{NewTool(readOnly("form", "Asks."), func(ctx context.Context, c *Call, _ none) (Text, error) {
			_, err := c.Elicit(ctx, ElicitRequest{Message: "?", Schema: jsontext.Value(`{"type":"object","properties":{"n":{"type":"integer"}}}`)})
			return "filled in", err
		})}}
	}})
	c := w.open(OpenOptions{})
	c.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}}}}`)
	c.next()
	for i, tt := range []struct{ answer, want string }{
		{`{"action":"accept","content":{"n":"seven"}}`, "could not be read"},
		{`{"action":"shrug"}`, "could not be read"},
		{`{"action":"accept","content":{"n":7}}`, "filled in"},
		{`{"action":"decline"}`, "filled in"},
	} {
		c.call(i+1, "form", "")
		c.next()
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"srv-%d","result":%s}`, i+1, tt.answer))
		if got := c.next(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %q in it", tt.answer, got, tt.want)
		}
	}
}
