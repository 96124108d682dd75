package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// examples is a copy of docs/clients with its dependencies in place, as after npm install.
func examples(t *testing.T, c clients) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "docs", "clients"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(c.home, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestExampleTypeScript checks the types of the TypeScript client, then runs it in Node and, bundled by its own build
// script, in a page of another origin in Chromium on the browser's EventSource.
func TestExampleTypeScript(t *testing.T) {
	c, s := install(t), start(t)
	dir := filepath.Join(examples(t, c), "typescript")
	mustRun(t, dir, c.env(), "npm", "run", "--silent", "check")

	out := mustRun(t, dir, c.env(), c.node, "node.ts", s.url+"/sse", "uppercase_text", `{"text": "hello world"}`)
	if !strings.HasSuffix(out, "HELLO WORLD\n") {
		t.Errorf("node node.ts printed %q, want HELLO WORLD at its end", out)
	}
	if out, err := run(t, dir, c.env(), c.node, "node.ts", s.url+"/sse", "no_such_tool", "{}"); err == nil || !strings.Contains(out, "no_such_tool") {
		t.Errorf("node node.ts with an unknown tool: %v, want a failure that names it:\n%s", err, out)
	}

	mustRun(t, dir, c.env(), "npm", "run", "--silent", "build")
	mustRun(t, ".", c.env(), c.node, script(t, c, "behaviour.mjs"), dir, s.url)
	mustRun(t, ".", c.env(), c.node, script(t, c, "page.mjs"), dir, s.url)
}

// TestExampleReact checks the types of the hook, builds the page that uses it, and drives that page in Chromium.
func TestExampleReact(t *testing.T) {
	c, s := install(t), start(t)
	dir := filepath.Join(examples(t, c), "react")
	mustRun(t, dir, c.env(), "npm", "run", "--silent", "check")
	mustRun(t, dir, c.env(), "npm", "run", "--silent", "build")
	mustRun(t, ".", c.env(), c.node, script(t, c, "hook.mjs"), dir, s.url)
}

// TestExamplePython runs the Python client as a command, then what its documentation promises as a library.
func TestExamplePython(t *testing.T) {
	s := start(t)
	dir := filepath.Join(root, "docs", "clients", "python")
	env := []string{"PYTHONDONTWRITEBYTECODE=1"}
	out := mustRun(t, dir, env, "python3", "mcp_client.py", s.url+"/sse", "uppercase_text", `{"text": "hello world"}`)
	if !strings.HasSuffix(out, "HELLO WORLD\n") {
		t.Errorf("python3 mcp_client.py printed %q, want HELLO WORLD at its end", out)
	}
	behaviour, err := filepath.Abs(filepath.Join("clients", "examples", "behaviour.py"))
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, append(env, "PYTHONPATH=."), "python3", behaviour, s.url)
}

// script copies a test script of clients/examples to where its imports resolve.
func script(t *testing.T, c clients, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("clients", "examples"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(c.home, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}
