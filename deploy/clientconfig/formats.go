package clientconfig

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// clients is every client that is known, in the order of the list.
func clients() []format {
	all := []Transport{HTTP, SSE, Stdio}
	return []format{
		{"cursor", "~/.cursor/mcp.json, or .cursor/mcp.json in a project", all, cursor, cursorLink},
		{"claude-desktop", "claude_desktop_config.json in ~/Library/Application Support/Claude, %APPDATA%\\Claude or ~/.config/Claude", all, claudeDesktop, nil},
		{"claude-code", ".mcp.json in a project", all, claudeCode, claudeCodeCommand},
		{"vscode", ".vscode/mcp.json in a project, or the user's by MCP: Open User Configuration", all, vscode, vscodeCommand},
		{"windsurf", "~/.codeium/windsurf/mcp_config.json", all, windsurf, nil},
		{"inspector", "any file, for --config", all, inspector, inspectorCommand},
		{"gemini-cli", "~/.gemini/settings.json, or .gemini/settings.json in a project", all, gemini, geminiCommand},
		{"codex", "~/.codex/config.toml", []Transport{HTTP, Stdio}, codex, codexCommand},
		{"opencode", "opencode.json in a project, or ~/.config/opencode/opencode.json", all, opencode, nil},
		{"mcp-remote", "a command, for clients that start programs only", []Transport{HTTP, SSE}, nil, mcpRemoteCommand},
	}
}

// remote is a server at a URL, with the members in the order that people write them.
type remote struct {
	Type        string            `json:"type,omitempty"`
	URL         string            `json:"url,omitempty"`
	ServerURL   string            `json:"serverUrl,omitempty"` // Windsurf's url
	Headers     map[string]string `json:"headers,omitempty"`
	ProtocolEra string            `json:"protocolEra,omitempty"` // the Inspector's
}

// local is a program that the client starts.
type local struct {
	Type    string            `json:"type,omitempty"`
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env,omitempty"`
}

// mcpServers is the form that most clients share.
func mcpServers(s server, entry any) (string, error) {
	return document(map[string]any{"mcpServers": map[string]any{s.name: entry}})
}

// document is JSON for a file.
func document(value any) (string, error) { return encode(value, "  ") }

// word is JSON for a command line.
func word(value any) (string, error) {
	text, err := encode(value, "")
	return strings.TrimSuffix(text, "\n"), err
}

func encode(value any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // & is plain in a URL
	e.SetIndent("", indent)
	if err := e.Encode(value); err != nil {
		return "", fmt.Errorf("encode the configuration: %w", err)
	}
	return b.String(), nil
}

// quoted is a word for a POSIX shell, as it is.
func quoted(s string) string {
	plain := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, plain) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// line is a command line.
func line(words ...string) (string, error) {
	for i := range words {
		words[i] = quoted(words[i])
	}
	return strings.Join(words, " ") + "\n", nil
}

func cursorEntry(s server) any {
	if s.transport == Stdio {
		return local{Type: "stdio", Command: s.program, Args: s.args}
	}
	return remote{URL: s.url, Headers: s.headers("${env:" + s.variable + "}")} // it finds out which transport that is
}

func cursor(s server) (string, error) { return mcpServers(s, cursorEntry(s)) }

// cursorLink is the link that has Cursor ask its user whether to add the server.
func cursorLink(s server) (string, error) {
	entry, err := word(cursorEntry(s))
	if err != nil {
		return "", err
	}
	q := url.Values{"name": {s.name}, "config": {base64.StdEncoding.EncodeToString([]byte(entry))}}
	return "cursor://anysphere.cursor-deeplink/mcp/install?" + q.Encode() + "\n", nil
}

// pasteHere stands where a client knows neither variables nor a question: its user puts the key there.
const pasteHere = "PASTE-THE-KEY-HERE"

func claudeDesktop(s server) (string, error) {
	if s.transport == Stdio {
		return mcpServers(s, local{Command: s.program, Args: s.args})
	}
	entry := local{Command: "npx", Args: append([]string{"-y"}, mcpRemote(s, "AUTH_HEADER")...)}
	if s.key { // the space is in the variable: on Windows npx would part the argument there
		entry.Env = map[string]string{"AUTH_HEADER": "Bearer " + pasteHere}
	}
	return mcpServers(s, entry)
}

// mcpRemote is mcp-remote's name and arguments; it takes the whole header's value from a variable.
func mcpRemote(s server, variable string) []string {
	words := []string{"mcp-remote", s.url, "--transport", string(s.transport) + "-only"}
	if s.plain() {
		words = append(words, "--allow-http")
	}
	if s.key {
		words = append(words, "--header", "Authorization:${"+variable+"}")
	}
	return words
}

func mcpRemoteCommand(s server) (string, error) {
	words := append([]string{"npx", "-y"}, mcpRemote(s, "AUTH_HEADER")...)
	text, err := line(words...)
	if s.key {
		text = `AUTH_HEADER="Bearer $` + s.variable + `" ` + text // so the key is in no list of processes
	}
	return text, err
}

func claudeCodeEntry(s server) any {
	if s.transport == Stdio {
		return local{Type: "stdio", Command: s.program, Args: s.args}
	}
	return remote{Type: string(s.transport), URL: s.url, Headers: s.headers("${" + s.variable + "}")}
}

func claudeCode(s server) (string, error) { return mcpServers(s, claudeCodeEntry(s)) }

func claudeCodeCommand(s server) (string, error) {
	words := []string{"claude", "mcp", "add", "--transport", string(s.transport), s.name}
	if s.transport == Stdio {
		return line(append(append(words, "--", s.program), s.args...)...)
	}
	words = append(words, s.url)
	if s.key { // quoted, so that the variable is kept, not the key
		words = append(words, "--header", "Authorization: Bearer ${"+s.variable+"}")
	}
	return line(words...)
}

// vscodeInput has VS Code ask for the key, and keep it safe.
type vscodeInput struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	Description string `json:"description"`
	Password    bool   `json:"password"`
}

func vscodeParts(s server) (entry any, inputs []vscodeInput) {
	if s.transport == Stdio {
		return local{Type: "stdio", Command: s.program, Args: s.args}, nil
	}
	id := s.name + "-key"
	if s.key {
		inputs = []vscodeInput{{"promptString", id, "Key for " + s.name, true}}
	}
	return remote{Type: string(s.transport), URL: s.url, Headers: s.headers("${input:" + id + "}")}, inputs
}

func vscode(s server) (string, error) {
	entry, inputs := vscodeParts(s)
	return document(struct {
		Servers map[string]any `json:"servers"`
		Inputs  []vscodeInput  `json:"inputs,omitempty"`
	}{map[string]any{s.name: entry}, inputs})
}

func vscodeCommand(s server) (string, error) {
	entry, inputs := vscodeParts(s)
	var value any
	switch e := entry.(type) {
	case local:
		value = struct {
			Name string `json:"name"`
			local
		}{s.name, e}
	case remote:
		value = struct {
			Name string `json:"name"`
			remote
			Inputs []vscodeInput `json:"inputs,omitempty"`
		}{s.name, e, inputs}
	}
	text, err := word(value)
	if err != nil {
		return "", err
	}
	return line("code", "--add-mcp", text)
}

func windsurf(s server) (string, error) {
	if s.transport == Stdio {
		return mcpServers(s, local{Command: s.program, Args: s.args})
	}
	return mcpServers(s, remote{ServerURL: s.url, Headers: s.headers("${env:" + s.variable + "}")})
}
