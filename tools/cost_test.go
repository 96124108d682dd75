package tools

import (
	"testing"

	"toolgate/config"
	"toolgate/mcp"
)

// maxDefaultTokens is what the list of all ready tools may cost a model, roughly.
const maxDefaultTokens = 6000

// TestTheListIsCheap counts as toolgate tools --cost does: with Jira and GitHub configured, which is when the list is long.
func TestTheListIsCheap(t *testing.T) {
	cfg := everything()
	cfg.EnableWrites = nil
	cfg.HTTP = config.Tree{} // what an operator declares is the operator's to weigh
	features, err := Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server, err := mcp.NewServer(features, mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	tokens := 0
	for _, listing := range server.Tools(mcp.Anonymous(), nil) {
		tokens += len(listing) / bytesPerToken
	}
	if tokens > maxDefaultTokens {
		t.Errorf("the list costs %d tokens, want at most %d", tokens, maxDefaultTokens)
	}
	t.Logf("%d tools, %d tokens", len(features.Tools), tokens)
}
