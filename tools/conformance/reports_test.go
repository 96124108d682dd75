package conformance

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is what a notification says, in short.
func told(t *testing.T, notifications []string) []string {
	t.Helper()
	var short []string
	for _, text := range notifications {
		var n struct {
			Method string `json:"method"`
			Params struct {
				Token    string  `json:"progressToken"`
				Progress float64 `json:"progress"`
				Total    float64 `json:"total"`
				Level    string  `json:"level"`
				Data     string  `json:"data"`
			} `json:"params"`
		}
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch p := n.Params; n.Method {
		case "notifications/progress":
			short = append(short, fmt.Sprintf("%s: %g of %g", p.Token, p.Progress, p.Total))
		case "notifications/message":
			short = append(short, fmt.Sprintf("%s: %s", p.Level, p.Data))
		default:
			t.Errorf("a notification of %s, want progress or log messages", n.Method)
		}
	}
	return short
}

func TestToolsTellTheClientWhatItAskedToHear(t *testing.T) {
	const token, level = `"progressToken":"mine"`, `"io.modelcontextprotocol/logLevel":"info"`
	tests := []struct {
		name, tool, meta string
		want             []string
	}{
		{"progress", "test_tool_with_progress", token, []string{"mine: 0 of 100", "mine: 50 of 100", "mine: 100 of 100"}},
		{"no token", "test_tool_with_progress", "", nil},
		{"logs", "test_tool_with_logging", level, []string{"info: Tool execution started", "info: Tool processing data", "info: Tool execution completed"}},
		{"no level", "test_tool_with_logging", "", nil},
		{"one log", "test_logging_tool", level, []string{"info: A message for whoever wants this level"}},
		{"one log, no level", "test_logging_tool", "", nil},
		{"a stream", "test_streaming_elicitation", token, []string{"mine: 50 of 100", "mine: 100 of 100"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := visit(t, `{}`)
				before, r, refused := v.send("tools/call", fmt.Sprintf(`"name":%q`, tt.tool), tt.meta)
				if refused != nil || r.IsError || r.text() == "" {
					t.Fatalf("%s = %+v, %+v, want a text", tt.tool, r, refused)
				}
				if diff := cmp.Diff(tt.want, told(t, before)); diff != "" {
					t.Errorf("told before the answer (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAnAnswerToComeBackForTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(t, `{}`)
		started := time.Now()
		r := v.call("test_reconnection", `{}`, "")
		if took := time.Since(started); took != absence || r.IsError {
			t.Errorf("answered after %v with %+v, want after %v", took, r, absence)
		}
	})
}
