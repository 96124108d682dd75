package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestASecretIsNeverShown(t *testing.T) {
	const text = "hunter2"
	s := NewSecret(text)
	holder := struct{ Password Secret }{s}
	shown := []string{s.String(), fmt.Sprint(s), fmt.Sprint(&s), fmt.Errorf("bind as %v", s).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder))
	}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range append(shown, string(asJSON), string(asYAML)) {
		if strings.Contains(got, text) || strings.Contains(got, fmt.Sprintf("%x", text)) {
			t.Errorf("shown as %s", got)
		}
	}
	if s.Reveal() != text || s.IsZero() || !(Secret{}).IsZero() {
		t.Error("the secret itself is lost")
	}
	if !s.Equal(NewSecret(text)) || s.Equal(NewSecret("hunter3")) {
		t.Error("Equal does not compare")
	}
}

func TestSecretsFromFilesAndVariables(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token, empty := file("token", "from-file\n"), file("empty", "\n")
	for _, test := range []struct {
		name string
		yaml string
		env  []string
		want string
		err  string
	}{
		{"written out", "tools: {jira: {api_token: plain}}", nil, "plain", ""},
		{"a file in the file", "tools: {jira: {api_token: 'file:" + token + "'}}", nil, "from-file", ""},
		{"a variable in the file", "tools: {jira: {api_token: '${T}'}}", []string{"T=v"}, "v", ""},
		{"the variable", "", []string{"TOOLGATE_TOOLS_JIRA_API_TOKEN=v"}, "v", ""},
		{"the variable of a file", "", []string{"TOOLGATE_TOOLS_JIRA_API_TOKEN_FILE=" + token}, "from-file", ""},
		{"an older name", "", []string{"JIRA_API_TOKEN=old"}, "old", ""},
		{"an older name of a file", "", []string{"JIRA_API_TOKEN_FILE=" + token}, "from-file", ""},
		{"the newer of both", "", []string{"JIRA_API_TOKEN=old", "TOOLGATE_TOOLS_JIRA_API_TOKEN=new"}, "new", ""},
		{"no such file", "", []string{"JIRA_API_TOKEN_FILE=" + dir + "/none"}, "", "JIRA_API_TOKEN_FILE: tools.jira.api_token: reading the secret"},
		{"an empty file", "", []string{"TOOLGATE_TOOLS_JIRA_API_TOKEN_FILE=" + empty}, "", "is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := Source{Dir: t.TempDir(), Env: test.env}
			if test.yaml != "" {
				src.File = file("toolgate.yaml", test.yaml)
			}
			cfg, _, err := Load(src)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("Load = %v, want %q in it", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Tools.Jira.APIToken.Reveal(); got != test.want {
				t.Errorf("the token = %q, want %q", got, test.want)
			}
		})
	}
}

func TestAValueThatYAMLCannotTakeIsNotQuoted(t *testing.T) {
	for _, value := range []string{"*hunter2", "!hunter2 x", "'ab${hunter2'", "${hunter2 x}", "&hunter2"} {
		for _, text := range []string{"tools: {jira: {api_token: " + value + "}}", "tools:\n  http:\n    key: " + value} {
			src := Source{Dir: t.TempDir(), File: write(t, text)}
			_, _, err := Load(src)
			if err == nil && value[0] != '&' { // which is a name for nothing
				t.Errorf("%s: no fault", text)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want a fault that does not show it", text, err)
			}
		}
	}
}
