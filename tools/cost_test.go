package tools

import (
	"encoding/json"
	"testing"

	"toolgate/config"
	"toolgate/mcp"
)

// What a list of tools may cost a model, roughly, counted as toolgate tools --cost does: of a tool a model is given its
// name, its description and its arguments; what else is listed stays with most clients.
const (
	maxDefaultTokens = 6000 // of all that is listed, out of the box
	maxModelTokens   = 6000 // of what a model is given, with every toolset that needs no declarations
)

func TestTheListIsCheap(t *testing.T) {
	model, listed := tokens(t, config.Default().Tools)
	if listed > maxDefaultTokens {
		t.Errorf("out of the box the list costs %d tokens, want at most %d", listed, maxDefaultTokens)
	}
	t.Logf("out of the box: %d tokens, %d of them for the model", listed, model)
	cfg := everything()
	cfg.EnableWrites = nil
	cfg.HTTP, cfg.SQL, cfg.Files = config.Tree{}, config.Tree{}, config.Tree{} // what is declared is the operator's to weigh
	model, listed = tokens(t, cfg)
	if model > maxModelTokens {
		t.Errorf("with Jira and GitHub the list costs a model %d tokens, want at most %d", model, maxModelTokens)
	}
	t.Logf("with Jira and GitHub: %d tokens, %d of them for the model", listed, model)
}

func tokens(t *testing.T, cfg config.Tools) (model, listed int) {
	t.Helper()
	features, err := Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server, err := mcp.NewServer(features, mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, listing := range server.Tools(mcp.Anonymous(), nil) {
		var tool struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			InputSchema json.RawMessage `json:"inputSchema"`
		}
		if err := json.Unmarshal(listing, &tool); err != nil {
			t.Fatal(err)
		}
		given, err := json.Marshal(tool)
		if err != nil {
			t.Fatal(err)
		}
		model, listed = model+len(given)/bytesPerToken, listed+len(listing)/bytesPerToken
	}
	return model, listed
}
