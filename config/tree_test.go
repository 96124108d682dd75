package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type shelf struct {
	At     Position
	Name   string          `yaml:"name"`
	Count  int             `yaml:"count"`
	Share  float64         `yaml:"share"`
	Open   bool            `yaml:"open"`
	Least  *float64        `yaml:"least"`
	Wait   time.Duration   `yaml:"wait"`
	Size   Bytes           `yaml:"size"`
	Key    Secret          `yaml:"key"`
	Tags   []string        `yaml:"tags"`
	Below  []shelf         `yaml:"below"`
	Named  map[string]int  `yaml:"named"`
	Any    any             `yaml:"any"`
	Rest   Tree            `yaml:"rest"`
	Hidden map[string]bool `yaml:"-"`
}

func parse(t *testing.T, text string) Tree {
	t.Helper()
	tree, err := ParseTree("f.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestATreeFillsWhatItsReaderAsksFor(t *testing.T) {
	var got shelf
	err := parse(t, `
name: top
count: 3
share: 0.5
open: true
least: 0
wait: 5s
size: 2KiB
key: hush
tags: one
below:
  - name: under
    tags: [a, b]
named: {x: 1, y: 2}
any: {k: [1, text]}
rest: {z: 1}
`).Decode(&got)
	if err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	want := shelf{
		At: Position{"f.yaml", 2}, Name: "top", Count: 3, Share: 0.5, Open: true, Least: &zero, Wait: 5 * time.Second, Size: 2 * KiB,
		Key: NewSecret("hush"), Tags: []string{"one"}, Named: map[string]int{"x": 1, "y": 2},
		Below: []shelf{{At: Position{"f.yaml", 12}, Name: "under", Tags: []string{"a", "b"}}},
		Any:   map[string]any{"k": []any{1, "text"}}, Rest: parse(t, "{z: 1}"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("filled (-want +got):\n%s", diff)
	}
}

func TestATreeNamesEveryFaultWithItsLine(t *testing.T) {
	var got shelf
	err := parse(t, `
nmae: top
count: many
open: maybe
wait: 5
tags: {a: b}
below:
  - name: [x]
    count: 1
    count: 2
named: 7
`).Decode(&got)
	if err == nil {
		t.Fatal("Decode = nil, want its faults")
	}
	for _, want := range []string{
		`f.yaml:2: unknown key "nmae"; did you mean name?`, `f.yaml:3: count: "many" is not a whole number`, `f.yaml:4: open: "maybe" is neither`,
		`f.yaml:5: wait: "5" is not a duration`, `f.yaml:6: tags: must be a list`, `f.yaml:8: name: must be one value`,
		`f.yaml:10: count: written twice; the first is on line 9`, `f.yaml:11: named: must hold keys and values`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults:\n%v", want, err)
		}
	}
	if got.Below[0].Count != 1 {
		t.Errorf("what has no fault was not filled: %+v", got.Below)
	}
}

func TestKeysOfATreeArePlainWords(t *testing.T) {
	for text, want := range map[string]string{
		"? [a, b]\n: 1":               "f.yaml:1: a key must be a plain word",
		"<<: {name: x}":               "f.yaml:1: << is not taken here",
		"named: {<<: {x: 1}, y: 2}":   "f.yaml:1: named: << is not taken here",
		"named: {? {a: b} : 1, y: 2}": "f.yaml:1: named: a key must be a plain word",
	} {
		var got shelf
		if err := parse(t, text).Decode(&got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q = %v, want %q in it", text, err, want)
		}
	}
}

func TestTreesCompareByWhatTheySay(t *testing.T) {
	a := parse(t, "a: [1, x]")
	for text, want := range map[string]bool{"a: [1, x]": true, "# moved\n\na:\n  - 1\n  - 'x'\n": true, "a: ['1', x]": false, "a: [1]": false, "": false} {
		if got := a.Equal(parse(t, text)); got != want {
			t.Errorf("Equal to %q = %v, want %v", text, got, want)
		}
	}
	if !(Tree{}).Equal(parse(t, "# nothing")) {
		t.Error("two trees with nothing in them differ")
	}
}

func TestATreeInTheFileHasItsVariablesExpanded(t *testing.T) {
	src := Source{Dir: t.TempDir(), Env: []string{"TOKEN=t0ken", "TOOLGATE_TOOLS_HTTP=x"}}
	_, _, err := Load(src)
	if err == nil || !strings.Contains(err.Error(), "TOOLGATE_TOOLS_HTTP: tools.http can be written in the configuration file alone") {
		t.Errorf("a tree in the environment: %v, want it refused", err)
	}
	src.Env = src.Env[:1]
	src.File = write(t, "tools:\n  http:\n    key: Bearer ${TOKEN}\n    other: $${TOKEN}\n    anchor: &a [x]\n    alias: *a\n")
	cfg, _, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Key    string   `yaml:"key"`
		Other  string   `yaml:"other"`
		Anchor []string `yaml:"anchor"`
		Alias  []string `yaml:"alias"`
	}
	if err := cfg.Tools.HTTP.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Key != "Bearer t0ken" || got.Other != "${TOKEN}" || len(got.Alias) != 1 {
		t.Errorf("decoded %+v, want the variable expanded and the alias followed", got)
	}
	src.File = write(t, "tools:\n  http:\n    key: ${NONE}\n")
	if _, _, err := Load(src); err == nil || !strings.Contains(err.Error(), "toolgate.yaml:3: tools.http: the variable NONE is not set") {
		t.Errorf("a variable that is not set: %v, want its line", err)
	}
}

// write makes a toolgate.yaml of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "toolgate.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
