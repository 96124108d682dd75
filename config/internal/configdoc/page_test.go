package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

func TestPageInDocsIsCurrent(t *testing.T) {
	got, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page()), string(got)); diff != "" {
		t.Errorf("docs/configuration.md has drifted; run go generate ./config (-want +got):\n%s", diff)
	}
}

func TestExampleLoads(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	if err := os.WriteFile(keys, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "toolgate.yaml"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	got, warnings, err := config.Load(config.Source{Dir: dir, Env: []string{"KEYS_FILE=" + keys}})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %q, want none", warnings)
	}
	if got.Limits.Rates.Handshake != config.RateOff || got.Auth.KeysFile != keys {
		t.Errorf("loaded %+v, want the example's values", got)
	}
}

func TestEveryKeyAndSectionIsDocumented(t *testing.T) {
	for _, section := range config.Sections() {
		if section.Doc == "" {
			t.Errorf("section %s has no doc", section.Name)
		}
		if len(section.Keys) == 0 {
			t.Errorf("section %s has no keys", section.Name)
		}
		for _, key := range section.Keys {
			if key.Doc == "" {
				t.Errorf("key %s has no doc", key.Name)
			}
		}
	}
}
