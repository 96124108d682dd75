package e2e

import (
	"strings"
	"testing"
)

// TestConformance runs the official suite in every mode against one process, and wants full marks without a warning.
func TestConformance(t *testing.T) {
	s := start(t, "TOOLGATE_TOOLS_TOOLSETS=conformance")
	out, err := run(t, ".", nil, "./conformance/run.sh", s.url+"/mcp")
	t.Logf("\n%s", out)
	if err != nil {
		t.Errorf("the conformance suite: %v", err)
	}
}

// TestConformanceTellsAWorseServer makes sure that marks can be lost: where a fixture is missing, and where the suite calls
// a scenario passed because the server does not say that it has what is to be tested.
func TestConformanceTellsAWorseServer(t *testing.T) {
	s := start(t, "TOOLGATE_TOOLS_TOOLSETS=text")
	tests := []struct{ mode, scenario, want string }{
		{"2025-11-25", "tools-call-image", "tools-call-image: failure: "},
		{"2026-07-28", "sep-2164-resource-not-found|tools-call-audio", "1/2 scenarios"},
		{"extensions", "sep-2640-skills-enumeration", "sep-2640-skills-enumeration: nothing was tested"},
	}
	for _, tt := range tests {
		t.Run(tt.scenario, func(t *testing.T) {
			out, err := run(t, ".", nil, "./conformance/run.sh", s.url+"/mcp", "--only", "^("+tt.scenario+")$", tt.mode)
			if err == nil || !strings.Contains(out, tt.want) || !strings.Contains(out, "\nnot full marks\n") {
				t.Errorf("against a server without fixtures: %v, want %q and a failure:\n%s", err, tt.want, out)
			}
		})
	}
}
