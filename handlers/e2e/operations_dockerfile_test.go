package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

// stage is one stage of a Dockerfile, and the folder that stands for its file system.
type stage struct {
	from, name   string
	instructions []instruction
	root         string
}

type instruction struct{ name, rest string }

// stages reads a Dockerfile: what this repository's one uses of the language, and nothing else.
func stages(t *testing.T, text string) []stage {
	t.Helper()
	var all []stage
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		switch name {
		case "":
		case "FROM":
			image, as, _ := strings.Cut(rest, " AS ")
			all = append(all, stage{from: image, name: as})
		case "ARG", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD":
			last := &all[len(all)-1]
			last.instructions = append(last.instructions, instruction{name, rest})
		default:
			t.Fatalf("the Dockerfile has %s, which this test knows nothing of", name)
		}
	}
	return all
}

// value is what an instruction that is there once says.
func (s stage) value(name string) string {
	for _, i := range s.instructions {
		if i.name == name {
			return i.rest
		}
	}
	return ""
}

// assignment is NAME=value, the value in quotes or not.
var assignment = regexp.MustCompile(`([\w.]+)=(?:"([^"]*)"|(\S*))`)

// run does what the stage says, in a folder: WORKDIR, ENV, ARG, COPY and RUN. Commands get no absolute path of the stage's.
func (s *stage) run(t *testing.T, before map[string]string, args map[string]string) {
	t.Helper()
	s.root = t.TempDir()
	dir := s.root
	env := os.Environ()
	for _, i := range s.instructions {
		switch i.name {
		case "WORKDIR":
			dir = filepath.Join(s.root, i.rest)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		case "ENV", "ARG":
			for _, m := range assignment.FindAllStringSubmatch(i.rest, -1) {
				value := m[2] + m[3]
				if given, ok := args[m[1]]; ok && i.name == "ARG" {
					value = given
				}
				env = append(env, m[1]+"="+value)
			}
		case "COPY":
			s.copy(t, dir, before, strings.Fields(i.rest))
		case "RUN":
			cmd := exec.CommandContext(t.Context(), "sh", "-c", i.rest)
			cmd.Dir, cmd.Env = dir, env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", i.rest, err, out)
			}
		}
	}
}

// copy takes files out of the repository, but for those that .dockerignore leaves out, or out of an earlier stage.
func (s *stage) copy(t *testing.T, dir string, before map[string]string, words []string) {
	t.Helper()
	source, ignored := root, dockerignore(t)
	if name, from := strings.CutPrefix(words[0], "--from="); from {
		source, ignored, words = before[name], func(string) bool { return false }, words[1:]
	}
	to := words[len(words)-1]
	if filepath.IsAbs(to) {
		to = filepath.Join(s.root, to)
	} else {
		to = filepath.Join(dir, to) + to[len(strings.TrimRight(to, "/")):]
	}
	for _, word := range words[:len(words)-1] {
		from := filepath.Join(source, word)
		err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel(source, path) // path is below
			if err != nil || d.IsDir() {
				if err == nil && (name == ".git" || name == "bin") {
					return fs.SkipDir
				}
				return err
			}
			if ignored(name) {
				return nil
			}
			target := to
			if inside, _ := filepath.Rel(from, path); inside != "." {
				target = filepath.Join(to, inside)
			} else if strings.HasSuffix(words[len(words)-1], "/") {
				target = filepath.Join(to, filepath.Base(path))
			}
			return copyFile(target, path)
		})
		if err != nil {
			t.Fatalf("COPY %v: %v", words, err)
		}
	}
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// dockerignore says which files of the repository are no part of the build: the last pattern that names a file, or a folder
// that it is in, decides.
func dockerignore(t *testing.T) func(name string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return func(name string) bool {
		out := false
		for _, pattern := range patterns {
			pattern, back := strings.CutPrefix(pattern, "!")
			for part := name; part != "."; part = filepath.Dir(part) {
				if doublestar.MatchUnvalidated(pattern, filepath.ToSlash(part)) {
					out = !back
					break
				}
			}
		}
		return out
	}
}

// words is the JSON form of a command.
func (s stage) words(t *testing.T, name string) []string {
	t.Helper()
	var words []string
	if err := json.Unmarshal([]byte(s.value(name)), &words); err != nil {
		t.Fatalf("%s %s: %v, want the JSON form: there is no shell", name, s.value(name), err)
	}
	return words
}

// dockerfile is the repository's, its stages run in order, with build arguments.
func dockerfile(t *testing.T, args map[string]string) []stage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	all, done := stages(t, string(text)), map[string]string{}
	if len(all) != 2 {
		t.Fatalf("the Dockerfile has %d stages, want one that builds and one that is the image", len(all))
	}
	for i := range all {
		all[i].run(t, done, args)
		done[all[i].name] = all[i].root
		done[fmt.Sprint(i)] = all[i].root
	}
	return all
}
