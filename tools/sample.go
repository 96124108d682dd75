package tools

import (
	"toolgate/config"
	"toolgate/tools/files"
	"toolgate/tools/github"
	"toolgate/tools/httptool"
	"toolgate/tools/jira"
	"toolgate/tools/sqltool"
)

// Sample is a configuration in which a toolset offers everything that it has ready, for documentation and tests. Nothing of
// what it names is there, and nobody is asked for it.
func Sample(toolset string) config.Tools {
	cfg := config.Default().Tools
	cfg.Toolsets = []string{toolset}
	cfg.Confirm = config.ConfirmNever // which is the operator's choice, not the tool's
	switch toolset {
	case jira.Name:
		cfg.Jira.URL, cfg.Jira.Email, cfg.Jira.APIToken = "https://example.atlassian.net", "a@example.com", config.NewSecret("sample")
		cfg.EnableWrites = []string{"create_jira_issue", "transition_jira_issue", "add_jira_comment"}
	case github.Name:
		cfg.GitHub.Token = config.NewSecret("sample")
	case httptool.Name:
		cfg.HTTP = sampleTree("tools: [{name: get_state, description: Whether it is up., url: 'https://api.example.com/state'}]")
	case sqltool.Name:
		cfg.SQL = sampleTree("databases: {shop: {driver: postgres, dsn: 'postgres://sample@db.invalid/shop'}}")
	case files.Name:
		cfg.Files = sampleTree("roots: {handbook: {path: ., include: [no-such-file], description: How this company works., watch: false}}")
	}
	return cfg
}

// sampleTree reads a text that is right.
func sampleTree(text string) config.Tree {
	tree, err := config.ParseTree("sample", text)
	if err != nil {
		panic(err)
	}
	return tree
}
