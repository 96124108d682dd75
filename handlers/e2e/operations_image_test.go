package e2e

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user of the image.
const nobody = 65532

// TestImage does what deploy/Dockerfile says, step by step, without Docker: what comes out is a program that needs no file
// beside itself, no variable and no right, and that knows its version.
func TestImage(t *testing.T) {
	image := dockerfile(t, map[string]string{"VERSION": "1.2.3", "COMMIT": "0123456789ab"})[1]
	entry := image.words(t, "ENTRYPOINT")
	program := filepath.Join(image.root, entry[0])

	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the program needs %v, %v: want none, the image has no libraries", libraries, err)
	}
	for _, section := range file.Progs {
		if section.Type == elf.PT_INTERP {
			t.Error("the program needs a loader, which the image does not have")
		}
	}

	cmd := exec.CommandContext(t.Context(), program, "version")
	cmd.Env, cmd.Dir = []string{}, "/"
	if os.Getuid() == 0 { // alone in its root, as nobody in particular
		cmd.Path = entry[0]
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image.root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}}
	}
	out, err := cmd.CombinedOutput()
	if want := "toolgate 1.2.3 (0123456789ab)\n"; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("toolgate version in the image: got %q, %v, want %q", out, err, want)
	}

	if got := image.value("USER"); got != "65532:65532" {
		t.Errorf("USER: got %q, want 65532:65532, by number", got)
	}
	if !regexp.MustCompile(`^gcr\.io/distroless/static-debian\d+:nonroot$`).MatchString(image.from) {
		t.Errorf("FROM: got %q, want distroless, without a shell and without root", image.from)
	}
	if got := image.words(t, "CMD"); len(got) != 1 || got[0] != "serve" {
		t.Errorf("CMD: got %q, want serve", got)
	}
	labels := image.value("LABEL")
	for _, name := range []string{"title", "description", "licenses", "version", "revision"} {
		if !strings.Contains(labels, "org.opencontainers.image."+name+"=") {
			t.Errorf("LABEL: no org.opencontainers.image.%s in %s", name, labels)
		}
	}
}

// TestImageIsReproducible: the same sources make the same program in another folder, byte by byte.
func TestImageIsReproducible(t *testing.T) {
	var programs [2][]byte
	for i := range programs {
		image := dockerfile(t, map[string]string{"VERSION": "1.2.3", "COMMIT": "0123456789ab"})[1]
		program, err := os.ReadFile(filepath.Join(image.root, image.words(t, "ENTRYPOINT")[0]))
		if err != nil {
			t.Fatal(err)
		}
		programs[i] = program
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Errorf("two builds differ: %d and %d bytes", len(programs[0]), len(programs[1]))
	}
	if repository, err := filepath.Abs(root); err != nil || bytes.Contains(programs[0], []byte(repository+"/")) {
		t.Errorf("the program has the folder of its sources in it (%v)", err)
	}
}

// TestImageIsBuiltOfWhatIsPinned: the modules of go.sum, a toolchain that go.mod is content with, no cgo, and no file that a
// secret may be in.
func TestImageIsBuiltOfWhatIsPinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	build := stages(t, string(text))[0]
	environment := build.value("ENV")
	for _, want := range []string{"CGO_ENABLED=0", "GOTOOLCHAIN=local", "-mod=readonly", "-trimpath"} {
		if !strings.Contains(environment, want) {
			t.Errorf("ENV: no %s in %s", want, environment)
		}
	}
	// 1.26.5 is the first without what is known of the ones before.
	if !regexp.MustCompile(`^golang:1\.26\.([5-9]|\d\d)-bookworm$`).MatchString(build.from) {
		t.Errorf("FROM: got %q, want golang:1.26.N-bookworm, N being 5 or more", build.from)
	}
	ignored := dockerignore(t)
	for name, want := range map[string]bool{
		"main.go": false, "go.sum": false, "config/load.go": false, "tools/demo/readme.md": false, "deploy/templates/k8s.yaml.tmpl": false,
		".git/config": true, ".env": true, "config/.env": true, "toolgate.yaml": true, "keys.yaml": true, "deploy/keys.yaml": true, "tls/privkey.pem": true,
		"deploy/tls/privkey.pem": true, "config/load_test.go": true, "handlers/e2e/main_test.go": true, "bin/toolgate": true,
	} {
		if got := ignored(name); got != want {
			t.Errorf("%s is left out of the build: got %t, want %t", name, got, want)
		}
	}
}
