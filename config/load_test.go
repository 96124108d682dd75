package config

import (
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestLoad runs the scripts of testdata/load. Each is a folder to load from and what comes of it: env and flags are
// those sources, file is Source.File, want is some of the keys and their values, problems and warnings are all of them.
// Other files are written as they are, with mode 0600 or the one their extension says. $DIR is the folder.
func TestLoad(t *testing.T) {
	scripts, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("looking for scripts: %v, %d found", err, len(scripts))
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			runScript(t, script)
		})
	}
}

func runScript(t *testing.T, script string) {
	archive, err := txtar.ParseFile(script)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src := Source{Dir: dir, Flags: map[string]string{}}
	expected := map[string]string{}
	for _, file := range archive.Files {
		text := strings.ReplaceAll(string(file.Data), "$DIR", dir)
		switch file.Name {
		case "env":
			src.Env = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		case "flags":
			for line := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				src.Flags[key] = value
			}
		case "file":
			src.File = filepath.Join(dir, strings.TrimSpace(text))
		case "want", "problems", "warnings":
			expected[file.Name] = string(file.Data)
		default:
			mode := os.FileMode(0o600)
			if strings.HasSuffix(file.Name, ".0640") {
				mode = 0o640
			}
			name := filepath.Join(dir, file.Name)
			if err := errors.Join(os.WriteFile(name, file.Data, mode), os.Chmod(name, mode)); err != nil { // whatever the umask
				t.Fatal(err)
			}
		}
	}

	cfg, warnings, err := Load(src)

	// Places in the folder are written without it, values that name it with $DIR.
	relative := func(lines string) string {
		if lines == "" {
			return ""
		}
		for _, name := range []string{"toolgate.yaml", "other.yaml", ".env"} {
			lines = strings.ReplaceAll(lines, filepath.Join(dir, name), name)
		}
		return strings.ReplaceAll(lines, dir, "$DIR") + "\n"
	}
	var problems string
	if err != nil {
		var list *Problems
		if !errors.As(err, &list) || len(list.List) == 0 {
			t.Fatalf("error %v (%T), want *Problems with a list", err, err)
		}
		problems = err.Error()
		if diff := cmp.Diff(Config{}, cfg); diff != "" {
			t.Errorf("configuration beside an error is not zero (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(expected["problems"], relative(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(expected["warnings"], relative(strings.Join(warnings, "\n"))); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	texts := textOf(cfg)
	for line := range strings.Lines(expected["want"]) {
		key, want, _ := strings.Cut(line, "=")
		got, known := texts[strings.TrimSpace(key)]
		if want := strings.TrimSpace(want); !known || got != want {
			t.Errorf("%s = %q (known: %t), want %q", strings.TrimSpace(key), got, known, want)
		}
	}
	if (expected["want"] == "") == (expected["problems"] == "") {
		t.Error("a script needs want or problems, and not both")
	}
}

// textOf is every key of cfg as flags would write it.
func textOf(cfg Config) map[string]string {
	texts := map[string]string{}
	for _, f := range fields(&cfg) {
		texts[f.name] = f.text()
		if s, ok := f.value.Interface().(Secret); ok {
			texts[f.name] = s.Reveal()
		}
	}
	return texts
}

func TestLoadRefusesAHugeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "huge.yaml")
	if err := os.WriteFile(name, make([]byte, maxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := Load(Source{File: name, Dir: t.TempDir()})
	if want := "larger than 1MiB"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestLoadReadsTheLastOfTwoVariables(t *testing.T) {
	cfg, _, err := Load(Source{Dir: t.TempDir(), Env: []string{"TOOLGATE_SERVER_PORT=1", "NOISE", "TOOLGATE_SERVER_PORT=2"}})
	if err != nil || cfg.Server.Port != 2 {
		t.Errorf("port %d, error %v; want 2 and none", cfg.Server.Port, err)
	}
}

func TestFlagsSetWhatTheyAreGiven(t *testing.T) {
	fs := flag.NewFlagSet("toolgate", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	given := RegisterFlags(fs)
	err := fs.Parse([]string{"--sse.announce_session", "--metrics.enabled=false", "--server.port", "1", "--server.port=2", "--log.file=", "rest"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"sse.announce_session": "true", "metrics.enabled": "false", "server.port": "2", "log.file": ""}
	if diff := cmp.Diff(want, given()); diff != "" {
		t.Errorf("flags given (-want +got):\n%s", diff)
	}
	if fs.NArg() != 1 {
		t.Errorf("%d arguments left, want 1", fs.NArg())
	}
	if err := fs.Parse([]string{"--server.prot=1"}); err == nil {
		t.Error("an unknown flag was taken")
	}
}

// Every key can be set by a flag and by its variable, to its default and with the same result.
func TestEveryKeyHasItsFlagAndVariable(t *testing.T) {
	texts := textOf(Default())
	var env []string
	names := map[string]bool{}
	for _, section := range Sections() {
		for _, key := range section.Keys {
			if key.Default != texts[key.Name] {
				t.Errorf("%s: documented default %q, real %q", key.Name, key.Default, texts[key.Name])
			}
			if key.Env == "" { // written in the file alone
				delete(texts, key.Name)
				continue
			}
			if names[key.Env] {
				t.Errorf("%s is the variable of two keys", key.Env)
			}
			names[key.Env] = true
			env = append(env, key.Env+"="+key.Default)
		}
	}
	if len(names) != len(texts) {
		t.Errorf("%d keys documented, %d exist", len(names), len(texts))
	}
	for name, src := range map[string]Source{
		"flags":     {Dir: t.TempDir(), Flags: maps.Clone(texts)},
		"variables": {Dir: t.TempDir(), Env: env},
	} {
		got, warnings, err := Load(src)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: error %v, warnings %q; want none", name, err, warnings)
		}
		if diff := cmp.Diff(Default(), got); diff != "" {
			t.Errorf("%s: configuration (-want +got):\n%s", name, diff)
		}
	}
}

// FuzzFile holds the reading of the file to this: it never panics; it ends in problems or in a valid configuration; and
// a valid configuration, written as flags, loads as itself.
func FuzzFile(f *testing.F) {
	scripts, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == defaultFile {
				f.Add(file.Data)
			}
		}
	}
	f.Add([]byte("server: &a {host: *a}"))
	f.Add([]byte("tools: {http: &a [*a], sql: {a: ${HOST}}, jira: {api_token: x}}"))
	f.Add([]byte("limits: &a\n  rates: *a\n"))
	lookup := func(variable string) (string, bool) { return "127.0.0.1", variable == "HOST" }
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader()
		l.applyFile(defaultFile, data, lookup)
		cfg, _, err := l.finish()
		if err != nil {
			var list *Problems
			if !errors.As(err, &list) || len(list.List) == 0 {
				t.Fatalf("error %v (%T), want *Problems with a list", err, err)
			}
			return
		}
		again := newLoader()
		texts := textOf(cfg)
		for _, f := range fields(&cfg) {
			if f.isTree() { // no flag holds one
				delete(texts, f.name)
				f.value.SetZero()
			}
		}
		again.applyFlags(texts)
		got, _, err := again.finish()
		if err != nil {
			t.Fatalf("a valid configuration does not load as flags: %v", err)
		}
		if diff := cmp.Diff(cfg, got); diff != "" {
			t.Errorf("configuration loaded as flags (-want +got):\n%s", diff)
		}
	})
}
