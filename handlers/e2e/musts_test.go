package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// How many rows docs/musts.md and docs/threats.md have.
const (
	rules   = 154
	threats = 153
)

var (
	mustsRow = regexp.MustCompile(`(?m)^\| (\d+) \|.*\| (.+) \|$`) // its number, and what shows it
	codeSpan = regexp.MustCompile("`([^`]+)`")
	goTest   = regexp.MustCompile("`([a-z0-9]+\\.(?:Test|Fuzz)\\w+)`")
)

// TestMustsNameTests: docs/musts.md has every rule once, in order, and each says why it does not apply or names tests that
// are there.
func TestMustsNameTests(t *testing.T) { rowsNameTests(t, "musts.md", rules) }

// TestThreatsNameTests is the same for docs/threats.md.
func TestThreatsNameTests(t *testing.T) { rowsNameTests(t, "threats.md", threats) }

func rowsNameTests(t *testing.T, name string, count int) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	tests := testsThere(t)
	rows := mustsRow.FindAllStringSubmatch(string(page), -1)
	if len(rows) != count {
		t.Errorf("docs/%s has %d rows, want %d", name, len(rows), count)
	}
	for i, row := range rows {
		number, shown := row[1], row[2]
		if number != strconv.Itoa(i+1) {
			t.Errorf("row %d of docs/%s is numbered %s", i+1, name, number)
		}
		named := codeSpan.FindAllStringSubmatch(shown, -1)
		if len(named) == 0 && !strings.HasSuffix(shown, ".") {
			t.Errorf("row %s names no test, and no sentence says why: %s", number, shown)
		}
		for _, span := range named {
			if !tests[span[1]] {
				t.Errorf("row %s names %s, which is not there", number, span[1])
			}
		}
	}
	for _, span := range goTest.FindAllStringSubmatch(string(page), -1) { // beside the tables, too
		if !tests[span[1]] {
			t.Errorf("docs/%s names %s, which is not there", name, span[1])
		}
	}
}

// testsThere finds every test: PACKAGE.TestName of the Go ones, ARCHIVE/behaviour of the conversations.
func testsThere(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for name, folder := range map[string]string{
		"main": ".", "mcp": "mcp", "handlers": "handlers", "middleware": "middleware", "tools": "tools", "e2e": "handlers/e2e",
		"config": "config", "egress": "tools/internal/egress", "declare": "tools/internal/declare", "directory": "tools/directory",
		"ldapdir": "tools/directory/ldapdir", "jira": "tools/jira", "github": "tools/github", "httptool": "tools/httptool",
		"sqltool": "tools/sqltool", "files": "tools/files", "oauthfront": "handlers/oauthfront", "audit": "handlers/audit",
		"telemetry": "handlers/telemetry", "deploy": "deploy", "doctor": "deploy/doctor", "clientconfig": "deploy/clientconfig",
	} {
		for _, file := range glob(t, folder, "*_test.go") {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range declared.FindAllSubmatch(source, -1) {
				tests[name+"."+string(match[1])] = true
			}
		}
	}
	for _, file := range glob(t, "mcp/testdata", "*.txtar") {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range archive.Files {
			tests[strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+one.Name] = true
		}
	}
	return tests
}

func glob(t *testing.T, folder, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s in %s: %d files, %v", pattern, folder, len(files), err)
	}
	return files
}
