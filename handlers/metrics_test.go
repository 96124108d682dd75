package handlers

import (
	"strings"
	"testing"
	"testing/synctest"
)

// TestMetrics: what happened can be read under the conventions' names, by what an operator groups by and nothing else.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, gone := w.open("/sse"), w.open("/sse")
		s.ask(call("1", "uppercase_text", `{"text":"x"}`))
		s.ask(call("2", "get_user", `{"user_identity":"x"}`))
		s.ask(`{"jsonrpc":"2.0","id":3,"method":"made/up"}`)
		s.ask(call("4", "made_up", `{}`))
		w.post("/mcp", ping("5"))
		gone.leave()
		got := w.get("/metrics").body
		operation := func(labels string) string { return "mcp_server_operation_duration_seconds_count{" + labels + "} 1" }
		for _, want := range []string{
			operation(`error_type="",gen_ai_tool_name="uppercase_text",mcp_method_name="tools/call",mcp_protocol_version="2024-11-05",network_transport="tcp"`),
			operation(`error_type="tool_error",gen_ai_tool_name="get_user",mcp_method_name="tools/call",mcp_protocol_version="2024-11-05",network_transport="tcp"`),
			operation(`error_type="-32601",gen_ai_tool_name="",mcp_method_name="unknown",mcp_protocol_version="2024-11-05",network_transport="tcp"`),
			operation(`error_type="-32602",gen_ai_tool_name="",mcp_method_name="tools/call",mcp_protocol_version="2024-11-05",network_transport="tcp"`),
			operation(`error_type="",gen_ai_tool_name="",mcp_method_name="ping",mcp_protocol_version="2025-03-26",network_transport="tcp"`),
			`mcp_server_session_duration_seconds_count{error_type="",network_transport="tcp"} 1`,
			"toolgate_sessions 1\n", "toolgate_streams 1\n", "toolgate_calls_stuck 0\n", `toolgate_build_info{version="test"} 1`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the metrics have no %s:\n%s", want, operations(got))
			}
		}
	})
}

// operations are the lines of metrics that a failure should show.
func operations(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "_count") || strings.HasPrefix(line, "toolgate_") {
			b.WriteString(line)
		}
	}
	return b.String()
}
