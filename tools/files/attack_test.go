package files

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

const secret = "CANARY" // stands in everything that must not be read

// trap is a root with something in it for every way out, beside things that must not be read.
func trap(t testing.TB) (root string) {
	t.Helper()
	dir := t.TempDir()
	root = filepath.Join(dir, "dir")
	write(t, dir, map[string]string{
		"dir/open.md":              "open",
		"dir/sub/deep.md":          "deep",
		"dir/drafts/secret.md":     secret,
		"dir/Drafts2/fine.md":      "fine",
		"dir/.hidden.md":           secret,
		"dir/.git/config.md":       secret,
		"dir/sub/.git/config.md":   secret,
		"dir/private.key":          secret,
		"dir-evil/secret.md":       secret,
		"outside.md":               secret,
		"outside/secret.md":        secret,
		"dir/Entwürfe/secret.md":   secret,
		"dir/sub/a%2fb.md":         "percent",
		"dir/sub/%2e%2e/inside.md": "dots",
		"dir/sub/back\\slash.md":   secret,
		"dir/sub/new\nline.md":     secret,
		"dir/sub/bad\xffutf8.md":   secret,
	})
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("../outside.md", "link-relative.md")
	link(filepath.Join(dir, "outside.md"), "link-absolute.md")
	link("../outside", "linkdir-relative")
	link(filepath.Join(dir, "outside"), "linkdir-absolute")
	link("../dir-evil", "linkdir-evil")
	link("..", "parent")
	link("sub/../../outside.md", "link-through.md")
	link("drafts/secret.md", "link-excluded.md")
	link("drafts", "link-drafts")
	link(".hidden.md", "link-hidden.md")
	link("private.key", "link-key.md")
	link("loop-b.md", "loop-a.md")
	link("loop-a.md", "loop-b.md")
	link("open.md", "link-open.md")
	link("sub", "link-sub")
	link("/proc/self", "proc")
	link("/proc/self/environ", "environ.md")
	link("/dev/zero", "zero.md")
	link("/dev/null", "null.md")
	if err := syscall.Mkfifo(filepath.Join(root, "fifo.md"), 0o644); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(root, "socket.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return root
}

var trapKeys = []string{`include: ["**/*.md"]`, `exclude: ["drafts/**", "entwürfe/**"]`}

// TestNothingOutsideOrExcludedIsRead has a row for each attack that file servers have fallen for.
func TestNothingOutsideOrExcludedIsRead(t *testing.T) {
	root := trap(t)
	c := connect(t, docs(t, root, trapKeys...))
	tests := []struct{ name, path string }{
		{"parent folders", "../../etc/passwd"},
		{"parent folders below a folder", "sub/../../outside.md"},
		{"many parent folders", strings.Repeat("../", 40) + "etc/passwd"},
		{"absolute", "/etc/passwd"},
		{"absolute within the root", root + "/open.md"},
		{"two slashes", "//etc/passwd"},
		{"a slash too many", "sub//deep.md"},
		{"percent encoded", "%2e%2e/outside.md"},
		{"percent encoded slash", "..%2foutside.md"},
		{"percent encoded twice", "%252e%252e%252foutside.md"},
		{"overlong UTF-8", "\xc0\xae\xc0\xae/outside.md"},
		{"NUL", "open.md\x00.png"},
		{"NUL first", "\x00../outside.md"},
		{"a sibling with the same prefix", "../dir-evil/secret.md"},
		{"a sibling by its suffix", "-evil/secret.md"},
		{"backslashes", `..\outside.md`},
		{"backslashes below a folder", `sub\..\..\outside.md`},
		{"a backslash in a real name", `sub/back\slash.md`},
		{"a drive", `C:\Windows\win.ini`},
		{"a share", `\\server\share\secret.md`},
		{"a line feed in a real name", "sub/new\nline.md"},
		{"a link out, relative", "link-relative.md"},
		{"a link out, absolute", "link-absolute.md"},
		{"a link out through a folder", "link-through.md"},
		{"a linked folder out, relative", "linkdir-relative/secret.md"},
		{"a linked folder out, absolute", "linkdir-absolute/secret.md"},
		{"a linked folder to a sibling", "linkdir-evil/secret.md"},
		{"a link with a slash after it", "link-relative.md/"},
		{"a linked folder with a slash after it", "linkdir-relative/"},
		{"a linked folder with a slash and a dot", "linkdir-relative/."},
		{"a link to the parent", "parent/outside.md"},
		{"a link to the parent and back", "parent/dir/open.md"},
		{"links in a circle", "loop-a.md"},
		{"a device by a link", "zero.md"},
		{"an empty device by a link", "null.md"},
		{"a FIFO", "fifo.md"},
		{"a socket", "socket.md"},
		{"/proc by a linked folder", "proc/environ"},
		{"/proc by a link", "environ.md"},
		{"a file as a folder", "open.md/x.md"},
		{"a folder", "sub"},
		{"the root", "."},
		{"a dot in between", "sub/./deep.md"},
		{"an excluded file", "drafts/secret.md"},
		{"an excluded file in capitals", "DRAFTS/secret.md"},
		{"an excluded file in mixed case", "Drafts/Secret.md"},
		{"an excluded file by a letter that folds", "draft\u017f/secret.md"},
		{"an excluded file with its letters composed", "Entwürfe/secret.md"},
		{"an excluded file with its letters decomposed", "Entwu\u0308rfe/secret.md"},
		{"an excluded file by a link", "link-excluded.md"},
		{"an excluded folder by a link", "link-drafts/secret.md"},
		{"a hidden file", ".hidden.md"},
		{"a hidden file by a link", "link-hidden.md"},
		{"a hidden folder", ".git/config.md"},
		{"a hidden folder further down", "sub/.git/config.md"},
		{"a hidden folder by a linked folder", "link-sub/.git/config.md"},
		{"a file that is not included", "private.key"},
		{"a file that is not included by a link", "link-key.md"},
		{"too long", strings.Repeat("a/", 2000) + "b.md"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if utf8.ValidString(tt.path) { // JSON holds no other
				if r, fault := c.readFile(tt.path); fault == "" {
					t.Errorf("read_file(%q) = %q, want an error", tt.path, r.Text)
				} else if strings.Contains(fault, "internal error") || strings.Contains(fault, secret) {
					t.Errorf("read_file(%q) says %q, want a plain refusal", tt.path, fault)
				}
			}
			for _, uri := range []string{"files://docs/" + tt.path, uriOf("docs", tt.path)} {
				if got, fault := c.readResource(uri); fault == "" && !strings.HasSuffix(tt.path, "/") {
					t.Errorf("resources/read %q = %q, want an error", uri, got.Text)
				} else if strings.Contains(got.Text, secret) || strings.Contains(fault, "internal error") {
					t.Errorf("resources/read %q = %q, %q, want a plain refusal", uri, got.Text, fault)
				}
			}
		})
	}
}

func TestNothingOutsideOrExcludedIsShown(t *testing.T) {
	root := trap(t)
	p := docs(t, root, trapKeys...)
	c := connect(t, p)
	want := []string{"Drafts2/fine.md", "link-open.md", "open.md", "sub/%2e%2e/inside.md", "sub/a%2fb.md", "sub/deep.md"}
	for _, path := range want {
		if r, fault := c.readFile(path); fault != "" {
			t.Errorf("read_file(%q) = %+v, %q, want its text", path, r, fault)
		}
	}
	if got := c.complete("path", ""); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("completion proposes %q, want %q", got, want)
	}
	uris := []string{"files://docs/"}
	for _, path := range want {
		uris = append(uris, uriOf("docs", path))
	}
	if got := c.listed(); !slices.Equal(got, uris) {
		t.Errorf("resources/list = %q, want %q", got, uris)
	}
	if got := c.search(secret); len(got.Matches) != 0 || got.Searched != len(want) || got.Skipped != 0 {
		t.Errorf("search_files = %+v, want no match in %d files", got, len(want))
	}
	if got, fault := c.readResource("files://docs/"); fault != "" || strings.Contains(got.Text, "secret") || !strings.Contains(got.Text, "files://docs/sub/%252e%252e/inside.md") {
		t.Errorf("the index is %s, %q", got.Text, fault)
	}
	for _, folder := range []string{"drafts/", ".git/", "linkdir-relative/", "parent/", "../", "link-drafts/"} {
		if got, fault := c.readResource("files://docs/" + folder); fault != "no such resource" {
			t.Errorf("the index of %s = %q, %q, want none", folder, got.Text, fault)
		}
	}
	if _, fault := c.readFile("drafts/secre.md"); strings.Contains(fault, "secret") {
		t.Errorf("an excluded file is proposed: %s", fault)
	}
}

// TestSystemFilesAreRefused enters folders that a bind mount could put inside a root.
func TestSystemFilesAreRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Fatal("only Linux has such files, and pseudo is always false elsewhere")
	}
	for dir, name := range map[string]string{"/proc/self": "environ", "/proc": "version", "/sys/kernel": "profiling", "/dev": "zero"} {
		f := &folder{name: "docs", dir: dir, maxFile: 1 << 20, maxFiles: 10, globs: globs{include: []string{"**"}}}
		root, err := f.enter()
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := f.open(root, name); !errors.Is(err, errNotThere) {
			t.Errorf("open of %s/%s = %v, %v, want %v", dir, name, opened, err, errNotThere)
		}
		root.Close()
	}
	for _, dir := range []string{"/proc", "/proc/self", "/sys"} {
		if _, err := New(tree(t, dir), Hooks{}, nil); err == nil || !strings.Contains(err.Error(), "holds no documents") {
			t.Errorf("New with the root %s = %v, want it refused", dir, err)
		}
	}
}

// TestWhatTakesAFilesPlaceIsNotOpened swaps a file for something else between the look and the open.
func TestWhatTakesAFilesPlaceIsNotOpened(t *testing.T) {
	tests := map[string]func(path string) error{
		"a FIFO":                   func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"a folder":                 func(path string) error { return os.Mkdir(path, 0o755) },
		"another file":             func(path string) error { return os.WriteFile(path, []byte(secret), 0o644) },
		"a link to what is hidden": func(path string) error { return os.Symlink(".hidden.md", path) },
		"a link out":               func(path string) error { return os.Symlink("/etc/passwd", path) },
		"nothing":                  func(string) error { return nil },
	}
	for name, put := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"a.md": "text", ".hidden.md": secret})
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			seen, err := root.Lstat("a.md")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "a.md")
			if err := errors.Join(os.Rename(path, filepath.Join(dir, "old.md")), put(path)); err != nil {
				t.Fatal(err)
			}
			refused := make(chan error, 1)
			go func() {
				_, err := openSeen(root, "a.md", "a.md", seen)
				refused <- err
			}()
			select {
			case err := <-refused:
				if !errors.Is(err, errNotThere) {
					t.Errorf("open = %v, want %v", err, errNotThere)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("open hangs")
			}
		})
	}
}

func TestKubernetesVolumesAreReadByTheirPublishedNames(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"..2025_01_31_12_00_00.123/guide.md":    "guide",
		"..2025_01_31_12_00_00.123/more/tip.md": "tip",
		"..2025_01_31_12_00_00.123/.env":        secret,
	})
	for name, target := range map[string]string{
		"..data": "..2025_01_31_12_00_00.123", "guide.md": "..data/guide.md", "more": "..data/more", "env.md": "..data/.env",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := connect(t, docs(t, dir))
	if got, want := c.complete("path", ""), []string{"guide.md", "more/tip.md"}; !slices.Equal(got, want) {
		t.Errorf("files = %q, want %q", got, want)
	}
	for path, want := range map[string]string{"guide.md": "guide", "more/tip.md": "tip"} {
		if r, fault := c.readFile(path); r.Text != want {
			t.Errorf("read_file(%s) = %q, %q, want %q", path, r.Text, fault, want)
		}
	}
	for _, path := range []string{"..data/guide.md", "..2025_01_31_12_00_00.123/guide.md", "env.md", "..data/.env"} {
		if r, fault := c.readFile(path); fault == "" {
			t.Errorf("read_file(%s) = %q, want an error", path, r.Text)
		}
	}
}

// FuzzPaths gives any path to a root. What is opened is one of the files that an independent walk finds.
func FuzzPaths(f *testing.F) {
	root := trap(f)
	allowed := allowedFiles(f, root)
	folders, err := foldersOf(tree(f, root, trapKeys...))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{
		"open.md", "./open.md", "link-open.md", "sub/deep.md", "link-sub/deep.md", "../outside.md", "drafts/secret.md", "Drafts2/fine.md",
		"parent/dir/open.md", "linkdir-relative/secret.md", "fifo.md", "zero.md", "proc/environ", "sub/%2e%2e/inside.md", "/etc/passwd",
		"open.md/", "sub//deep.md", ".hidden.md", "link-hidden.md", "a\x00b", `sub\deep.md`, "loop-a.md", "environ.md", "link-drafts/secret.md",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		inside, err := folders[0].enter()
		if err != nil {
			t.Fatal(err)
		}
		defer inside.Close()
		opened, err := folders[0].open(inside, path)
		if err != nil {
			if !errors.Is(err, errNotThere) && !errors.Is(err, errOutside) {
				t.Fatalf("open(%q) = %v, want one of the two refusals", path, err)
			}
			return
		}
		defer opened.Close()
		info, err := opened.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(allowed, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
			t.Fatalf("open(%q) opened a file that is none of those allowed", path)
		}
		data, err := opened.read(1 << 20)
		if err != nil || strings.Contains(string(data), secret) {
			t.Fatalf("open(%q) reads %q, %v", path, data, err)
		}
		uri := uriOf("docs", opened.path)
		if at, ok := parseURI(uri); !ok || at.path != opened.path || at.root != "docs" {
			t.Fatalf("the URI %q of %q leads to %+v", uri, opened.path, at)
		}
	})
}

// allowedFiles finds what may be read of a trap by other means: every regular .md file of the root itself, less what a
// person who reads trapKeys would leave out.
func allowedFiles(t testing.TB, root string) (allowed []fs.FileInfo) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "drafts" || name == "Entwürfe") {
			return fs.SkipDir
		}
		if d.Type().IsRegular() && filepath.Ext(name) == ".md" && !strings.HasPrefix(name, ".") && utf8.ValidString(name) && !strings.ContainsAny(name, "\\\n") {
			info, err := d.Info()
			if err != nil {
				return err
			}
			allowed = append(allowed, info)
		}
		return nil
	})
	if err != nil || len(allowed) != 5 {
		t.Fatalf("the walk found %d files, %v; want 5", len(allowed), err)
	}
	return allowed
}
