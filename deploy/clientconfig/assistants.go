package clientconfig

import (
	"encoding/json"
	"fmt"
	"strings"
)

// inspector knows no variables: its user puts the key there, or in the page's own field.
func inspector(s server) (string, error) {
	if s.transport == Stdio {
		return mcpServers(s, local{Type: "stdio", Command: s.program, Args: s.args})
	}
	era := "auto"
	if s.transport == SSE {
		era = "legacy" // the only one that transport has
	}
	return mcpServers(s, remote{Type: string(s.transport), URL: s.url, Headers: s.headers(pasteHere), ProtocolEra: era})
}

func inspectorCommand(s server) (string, error) {
	words := []string{"npx", "@modelcontextprotocol/inspector"}
	if s.transport == Stdio {
		return line(append(append(words, s.program), s.args...)...)
	}
	text, err := line(append(words, "--server-url", s.url, "--transport", string(s.transport))...)
	if s.key { // double quotes: it knows no variables, so that the shell has to
		text = strings.TrimSuffix(text, "\n") + ` --header "Authorization: Bearer $` + s.variable + `"` + "\n"
	}
	return text, err
}

func gemini(s server) (string, error) {
	if s.transport == Stdio {
		return mcpServers(s, local{Command: s.program, Args: s.args})
	}
	return mcpServers(s, remote{Type: string(s.transport), URL: s.url, Headers: s.headers("${" + s.variable + "}")})
}

func geminiCommand(s server) (string, error) {
	words := []string{"gemini", "mcp", "add", "--transport", string(s.transport)}
	if s.transport == Stdio {
		return line(append(append(words, s.name, s.program), s.args...)...)
	}
	if s.key { // quoted, so that the variable is kept, not the key
		words = append(words, "--header", "Authorization: Bearer ${"+s.variable+"}")
	}
	return line(append(words, s.name, s.url)...)
}

// codex is TOML, which takes comments.
func codex(s server) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "[mcp_servers.%s]\n", s.name) // names are bare keys
	if s.transport == Stdio {
		fmt.Fprintf(&b, "command = %s\n", tomlString(s.program))
		var args []string
		for _, a := range s.args {
			args = append(args, tomlString(a))
		}
		fmt.Fprintf(&b, "args = [%s]\n", strings.Join(args, ", "))
		return b.String(), nil
	}
	fmt.Fprintf(&b, "url = %s\n", tomlString(s.url))
	if s.key {
		fmt.Fprintf(&b, "bearer_token_env_var = %s\n", tomlString(s.variable))
	} else if s.login {
		fmt.Fprintf(&b, "# then log in: codex mcp login %s\n", s.name)
	}
	return b.String(), nil
}

// tomlString is a basic string: the escapes of JSON are among those of TOML, which has one character more to escape.
func tomlString(s string) string {
	text, _ := json.Marshal(s) // a string is always JSON
	return strings.ReplaceAll(string(text), "\x7f", `\u007f`)
}

func codexCommand(s server) (string, error) {
	words := []string{"codex", "mcp", "add", s.name}
	if s.transport == Stdio {
		return line(append(append(words, "--", s.program), s.args...)...)
	}
	words = append(words, "--url", s.url)
	if s.key {
		words = append(words, "--bearer-token-env-var", s.variable)
	}
	return line(words...)
}

// opencode is OpenCode's form of version 1; it tries Streamable HTTP first and then HTTP+SSE, at any URL.
func opencode(s server) (string, error) {
	var entry any
	if s.transport == Stdio {
		entry = struct {
			Type    string   `json:"type"`
			Command []string `json:"command"`
			Enabled bool     `json:"enabled"`
		}{"local", append([]string{s.program}, s.args...), true}
	} else {
		e := struct {
			Type    string            `json:"type"`
			URL     string            `json:"url"`
			Enabled bool              `json:"enabled"`
			Headers map[string]string `json:"headers,omitempty"`
			OAuth   *bool             `json:"oauth,omitempty"` // false keeps it from looking for a login where a key is sent
		}{Type: "remote", URL: s.url, Enabled: true, Headers: s.headers("{env:" + s.variable + "}")}
		if s.key {
			e.OAuth = new(bool)
		}
		entry = e
	}
	return document(struct {
		Schema string         `json:"$schema"`
		MCP    map[string]any `json:"mcp"`
	}{"https://opencode.ai/config.json", map[string]any{s.name: entry}})
}
