package e2e

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// machine is a folder that stands for a machine: what a page does to /etc, /var and /usr/local/bin it does there, and the
// programs that need a whole machine are those of testdata/operations/shim. nginx is the real one. Everything that was
// started ends with the shell that started it.
type machine struct {
	root string
	work string // where the reader of the page stands
	tls  string // the port of HTTPS
	http string // that of toolgate
}

// newMachine makes one, with nginx installed and toolgate built; it sets the test's environment for what runs on it.
func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{root: dir, work: filepath.Join(dir, "work"), tls: freePort(t), http: freePort(t)}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // services run as somebody else
		t.Fatal(err)
	}
	for _, folder := range []string{
		"etc/systemd/system", "etc/nginx/conf.d", "usr/local/bin", "var/lib", "var/log/nginx", "var/backups", "run", "shims", "work/bin",
	} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	shim, err := filepath.Abs(filepath.Join("testdata", "operations", "shim"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"systemctl", "journalctl", "nginx", "runuser", "install", "useradd"} {
		if err := os.Symlink(shim, filepath.Join(dir, "shims", name)); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.work, "bin", "toolgate"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("ROOT", dir, "USER", who.Username).Replace(`user USER;
pid ROOT/run/nginx.own.pid;
error_log ROOT/var/log/nginx/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ROOT/run/body;
  proxy_temp_path ROOT/run/proxy;
  fastcgi_temp_path ROOT/run/fastcgi;
  uwsgi_temp_path ROOT/run/uwsgi;
  scgi_temp_path ROOT/run/scgi;
  include ROOT/run/conf.d/*.conf;
}
`)
	if err := os.WriteFile(dir+"/etc/nginx/nginx.conf", []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROOT", dir)
	t.Setenv("PATH", filepath.Join(dir, "shims")+":"+dir+"/usr/local/bin"+":"+os.Getenv("PATH"))
	t.Setenv("TOOLGATE_SERVER_PORT", m.http)
	t.Setenv("TOOLGATE_SERVER_LAME_DUCK", "1s") // what a test need not wait for
	t.Setenv("TOOLGATE_SSE_PING_INTERVAL", "2s")
	return m
}

// ownPath is a path of the machine's in a page, with what stands before it.
var ownPath = regexp.MustCompile("(^|[\\s=:\"'(>])(/(?:etc|var|usr/local/bin)/)")

// here is a page's text as it is meant on this machine.
func (m *machine) here(text string) string {
	text = ownPath.ReplaceAllString(text, "${1}"+m.root+"${2}")
	return strings.NewReplacer("-C / ", "-C "+m.root+" ", "https://tools.example.com", "https://localhost:"+m.tls, "tools.example.com", "localhost",
		"localhost:3002", "localhost:"+m.http).Replace(text)
}

// steps is the steps of a page as they are meant on this machine.
func (m *machine) steps(steps []tourStep) []tourStep {
	var own []tourStep
	for _, step := range steps {
		own = append(own, tourStep{m.here(step.commands), m.here(step.prints)})
	}
	return own
}

// logs is what the services and nginx have written, for a test that failed.
func (m *machine) logs() string {
	var all strings.Builder
	for _, pattern := range []string{"run/*.log", "var/log/nginx/*"} {
		files, _ := filepath.Glob(filepath.Join(m.root, pattern)) // the pattern is well-formed
		for _, file := range files {
			text, err := os.ReadFile(file)
			all.WriteString("== " + file + "\n" + string(text))
			if err != nil {
				all.WriteString(err.Error() + "\n")
			}
		}
	}
	return all.String()
}
