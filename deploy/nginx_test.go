package deploy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

// TestNginxGolden: the site and the whole file of a small deployment are what testdata/ holds, to be read.
// go test ./deploy -run TestNginxGolden -update writes them anew.
func TestNginxGolden(t *testing.T) {
	prefixed := plain()
	prefixed.Config.Server.PublicURL = "https://www.example.com:8443/team.tools"
	prefixed.Config.Server.TrustedProxies = nil
	prefixed.Config.Auth.Mode = []string{config.AuthKeys}
	for name, got := range map[string]string{
		"nginx.conf": render(t, "nginx", plain()),
		"nginx-whole.conf": render(t, "nginx", prefixed, "--whole", "--nginx-version", "1.26.2", "--upstream", "10.0.0.1:3002",
			"--upstream", "10.0.0.2:3002", "--upstream", "10.0.0.3:3002"),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s, want - got +:\n%s", file, diff)
		}
	}
}

// TestNginxTakesWhatIsRendered has the real nginx test the sites of many configurations.
func TestNginxTakesWhatIsRendered(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*config.Config)
		args []string
	}{
		"defaults":       {},
		"one server":     {args: []string{"--upstream", "127.0.0.1:3002"}},
		"eight servers":  {args: manyUpstreams(8)},
		"three servers":  {args: []string{"--upstream", "127.0.0.1:3002", "--upstream", "[::1]:3003", "--upstream", "localhost:3004"}},
		"a prefix":       {set: func(c *config.Config) { c.Server.PublicURL += "/a.b/c~d" }},
		"two prefixes":   {set: func(c *config.Config) { c.Server.PublicURL, c.Server.BasePath = c.Server.PublicURL+"/a", "/b" }},
		"one by address": {set: func(c *config.Config) { c.Server.PublicURL = "https://192.0.2.1" }},
		"by IPv6":        {set: func(c *config.Config) { c.Server.PublicURL = "https://[2001:db8::1]:8443" }},
		"odd times": {set: func(c *config.Config) {
			c.SSE.PingInterval, c.MCP.CallTimeout = 1500*time.Millisecond, 15*time.Minute+time.Millisecond
		}},
		"with keys":             {set: func(c *config.Config) { c.Auth.Mode = []string{config.AuthKeys} }},
		"a time-out of its own": {args: []string{"--read-timeout", "90s"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := plain()
			if c.set != nil {
				c.set(&o.Config)
			}
			for _, whole := range []bool{false, true} {
				nginxTakes(t, o, whole, c.args...)
			}
		})
	}
}

// nginxTakes runs nginx -t on a site, in a folder and on a port of its own.
func nginxTakes(t *testing.T, o Options, whole bool, args ...string) {
	t.Helper()
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	args = append([]string{
		"--certificate", cert, "--certificate-key", key, "--log-dir", dir,
		"--listen", "127.0.0.1:" + freePort(t), "--redirect", "127.0.0.1:" + freePort(t),
	}, args...)
	file := filepath.Join(dir, "nginx.conf")
	if whole {
		args = append(args, "--whole", "--run-dir", dir, "--user", "")
	}
	text := render(t, "nginx", o, args...)
	if !whole {
		site := filepath.Join(dir, "site.conf")
		around := "error_log stderr; pid " + dir + "/nginx.pid; events {} http { access_log off; include " + site + ";"
		for _, temporary := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			around += " " + temporary + "_temp_path " + dir + "/" + temporary + ";"
		}
		save(t, site, text)
		text = around + " }\n"
	}
	save(t, file, text)
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx" // where Debian keeps it
	}
	said, err := exec.CommandContext(t.Context(), path, "-t", "-c", file, "-e", "stderr").CombinedOutput()
	if err != nil || strings.Contains(string(said), "[warn]") && !strings.Contains(string(said), "exceed open file resource limit") {
		t.Errorf("nginx -t (apt-get install nginx, where there is none): %v\n%s", err, said)
	}
}

func save(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freePort is a port that nobody listens on, from below those that systems give to connections.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(15_000 + mathrand.IntN(17_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// selfSigned makes a certificate and its key.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"tools.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	private, err2 := x509.MarshalPKCS8PrivateKey(secret)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	save(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	save(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return cert, key
}

// TestNginxRefuses: what no site can be made of is an error that says what to change.
func TestNginxRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*config.Config)
		args []string
		want string
	}{
		"no public URL":       {set: func(c *config.Config) { c.Server.PublicURL = "" }, want: "server.public_url is not set"},
		"no TLS":              {set: func(c *config.Config) { c.Server.PublicURL = "http://tools.example.com" }, want: "https://"},
		"any port":            {set: func(c *config.Config) { c.Server.Port = 0 }, want: "server.port is 0"},
		"half a certificate":  {args: []string{"--certificate", "/a.pem"}, want: "--certificate-key"},
		"a path that ends":    {args: []string{"--log-dir", "/var/log; include /etc/passwd"}, want: "--log-dir"},
		"a variable":          {args: []string{"--server-name", "$host"}, want: "--server-name"},
		"an upstream alone":   {args: []string{"--upstream", "3002"}, want: "HOST:PORT"},
		"an upstream's port":  {args: []string{"--upstream", "127.0.0.1:0"}, want: "1 to 65535"},
		"an upstream's name":  {args: []string{"--upstream", "a b;:3002"}, want: "neither a host name"},
		"an upstream's zone":  {args: []string{"--upstream", "[::1%a b{}]:80"}, want: "without a zone"},
		"a zone to listen on": {args: []string{"--listen", "[fe80::1%a;b]:443"}, want: "without a zone"},
		"a zone to redirect":  {args: []string{"--redirect", "[fe80::1%a;b]:80"}, want: "without a zone"},
		"a host with a zone":  {set: func(c *config.Config) { c.Server.Host = "fe80::1%eth0" }, want: "--upstream"},
		"nine upstreams":      {args: manyUpstreams(9), want: "at most 8"},
		"an upstream twice":   {args: []string{"--upstream", "a:1", "--upstream", "a:1"}, want: "twice"},
		"a short time-out":    {args: []string{"--read-timeout", "20s"}, want: "sse.ping_interval"},
		"a negative time-out": {args: []string{"--read-timeout", "-1s"}, want: "--read-timeout"},
		"no time to end":      {args: []string{"--drain", "0s"}, want: "--drain"},
		"no version":          {args: []string{"--nginx-version", "new"}, want: "1.22.1"},
		"folders of a site":   {args: []string{"--run-dir", "/run/x"}, want: "--whole"},
		"no such option":      {args: []string{"--upstreams", "a:1"}, want: "--upstream,"},
		"a word":              {args: []string{"conf.d"}, want: "conf.d"},
	} {
		t.Run(name, func(t *testing.T) {
			o := plain()
			if c.set != nil {
				c.set(&o.Config)
			}
			var out bytes.Buffer
			if err := Render(&out, "nginx", c.args, o); err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("got %v and %d bytes, want an error with %q and nothing", err, out.Len(), c.want)
			}
		})
	}
}

// TestNginxSays: what depends on the configuration or an option, line by line.
func TestNginxSays(t *testing.T) {
	const untrusted = "# !!! server.trusted_proxies does not contain"
	for name, c := range map[string]struct {
		set        func(*config.Config)
		args       []string
		has, lacks []string
	}{
		"defaults": {
			has:   []string{"server 127.0.0.1:3002 max_fails=0;", "server 127.0.0.1:3003 max_fails=0 backup;", "listen 443 ssl http2;", "listen 80;", "trusted_proxies: [127.0.0.1]"},
			lacks: []string{"http2 on", "!!!", "non_idempotent;", "rewrite ", "worker_processes"},
		},
		"nobody trusted": {
			set: func(c *config.Config) { c.Server.TrustedProxies = nil },
			has: []string{untrusted + " 127.0.0.1", "trusted_proxies: [127.0.0.1]"},
		},
		"others trusted": {
			set:  func(c *config.Config) { c.Server.TrustedProxies = []string{"10.0.0.0/8"} },
			args: []string{"--upstream", "[::1]:3002", "--upstream", "localhost:3003"},
			has:  []string{untrusted + " ::1 and 127.0.0.1", "trusted_proxies: [10.0.0.0/8, ::1, 127.0.0.1]"},
		},
		"a range trusted": {
			set:   func(c *config.Config) { c.Server.TrustedProxies = []string{"127.0.0.0/8"} },
			lacks: []string{"!!!"},
		},
		"another machine": {
			set:  func(c *config.Config) { c.Server.TrustedProxies = nil },
			args: []string{"--upstream", "10.0.0.7:3002"},
			has:  []string{"# !!! server.trusted_proxies is empty", "trusted_proxies: [THE ADDRESS OF NGINX]"},
		},
		"a name that Toolgate does not know": {
			args: []string{"--server-name", "other.example.com"},
			has:  []string{"server_name other.example.com;", "# !!! Toolgate does not answer to other.example.com: add it to server.allowed_hosts", "/live/other.example.com/"},
		},
		"one that it knows": {
			set:   func(c *config.Config) { c.Server.AllowedHosts = []string{"other.example.com"} },
			args:  []string{"--server-name", "other.example.com"},
			lacks: []string{"!!!"},
		},
		"every address, another port": {
			set: func(c *config.Config) { c.Server.Host, c.Server.Port = "0.0.0.0", 65535 },
			has: []string{"server 127.0.0.1:65535 max_fails=0;"}, lacks: []string{" backup;", "toolgate_2"},
		},
		"the port of the public URL": {
			set: func(c *config.Config) { c.Server.PublicURL += ":8443" },
			has: []string{"listen 8443 ssl http2;", "listen [::]:8443 ssl http2;"}, lacks: []string{"listen 80;"},
		},
		"a new nginx": {args: []string{"--nginx-version", "nginx/1.25.1"}, has: []string{"listen 443 ssl;", "http2 on;"}, lacks: []string{"ssl http2;"}},
		"Debian's":    {args: []string{"--nginx-version", "1.22.1-9+deb12u11"}, has: []string{"listen 443 ssl http2;"}, lacks: []string{"http2 on;"}},
		"limits": {
			set: func(c *config.Config) { c.Limits.Body, c.Limits.SessionsPerAddress = 3*config.MiB, 7 },
			has: []string{"client_max_body_size 3145728;", "larger than 3145728 bytes", "limit_conn toolgate_address 14;"},
		},
		"times": {
			set: func(c *config.Config) { c.SSE.PingInterval, c.MCP.CallTimeout = 40*time.Second, 5*time.Minute },
			has: []string{"proxy_read_timeout 160s;", "proxy_read_timeout 330s;"},
		},
		"a time-out below that of calls": {
			args: []string{"--read-timeout", "45s"},
			has:  []string{"proxy_read_timeout 45s;", "# Note: calls that say nothing for 45s are cut"}, lacks: []string{"proxy_read_timeout 90s;"},
		},
		"a prefix that nginx takes off": {
			set: func(c *config.Config) { c.Server.PublicURL += "/t.x" },
			has: []string{`rewrite ^/t\.x(/.*)$ $1 break;`, `proxy_set_header X-Forwarded-Prefix "/t.x";`, `location ~ ^/t\.x/mcp/?$ {`, "location /t.x/ {"},
		},
		"a prefix that Toolgate knows": {
			set: func(c *config.Config) { c.Server.BasePath = "/t.x" },
			has: []string{`proxy_set_header X-Forwarded-Prefix "";`, "location /t.x/ {"}, lacks: []string{"rewrite "},
		},
		"nobody is asked who calls": {has: []string{"location ~ ^/sessions(/|$) {"}},
		"keys": {
			set: func(c *config.Config) { c.Auth.Mode = []string{config.AuthKeys} }, lacks: []string{"location ~ ^/sessions"},
		},
		"a file of its own": {
			args: []string{"--whole", "--user", "", "--run-dir", "/run/toolgate", "--drain", "90s"},
			has:  []string{"worker_shutdown_timeout 90s;", "pid /run/toolgate/nginx.pid;"}, lacks: []string{"\nuser "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := plain()
			if c.set != nil {
				c.set(&o.Config)
			}
			got := render(t, "nginx", o, c.args...)
			for _, want := range c.has {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			for _, not := range c.lacks {
				if strings.Contains(got, not) {
					t.Errorf("%q is in\n%s", not, got)
				}
			}
		})
	}
}

// TestNginxBodiesAreJSON: what nginx writes between single quotes is JSON, and ends where it should.
func TestNginxBodiesAreJSON(t *testing.T) {
	s := &nginxSite{Body: 1}
	s.errors()
	for _, e := range s.Errors {
		if strings.ContainsAny(e.Body, "'$\\\n") || !strings.HasPrefix(e.Body, `{"jsonrpc":"2.0","error":{"code":-32`) {
			t.Errorf("%d: %s", e.Status, e.Body)
		}
	}
}

// manyUpstreams are the options that name n servers.
func manyUpstreams(n int) (args []string) {
	for i := range n {
		args = append(args, "--upstream", fmt.Sprintf("127.0.0.1:%d", 3002+i))
	}
	return args
}

// FuzzNginxWords: whatever the options are, the file has no line more or less, and no word that an option broke out of its
// directive.
func FuzzNginxWords(f *testing.F) {
	f.Add("tools.example.com", "/etc/a.pem", "/var/log", "127.0.0.1:1")
	f.Add("a;b", "a b", "x\ny", "{}:1")
	f.Add("a", "/b", "/c", "[::1%a b{}]:80") // an address with a zone may hold anything
	clean := &bytes.Buffer{}
	words := func(name, cert, logs, upstream string) []string {
		return []string{"--server-name=" + name, "--certificate=" + cert, "--certificate-key=" + cert, "--log-dir=" + logs, "--upstream=" + upstream}
	}
	if err := Render(clean, "nginx", words("a", "/b", "/c", "d:1"), plain()); err != nil {
		f.Fatal(err)
	}
	shape := func(text string) int { // of the part after the comments at the head
		_, body, _ := strings.Cut(text, "\nmap ")
		return strings.Count(body, "\n") + 1000*strings.Count(body, ";") + 1000000*strings.Count(body, "{") + strings.Count(body, "'")
	}
	f.Fuzz(func(t *testing.T, name, cert, logs, upstream string) {
		var out bytes.Buffer
		if err := Render(&out, "nginx", words(name, cert, logs, upstream), plain()); err != nil {
			if out.Len() > 0 {
				t.Errorf("an error, and %d bytes", out.Len())
			}
			return
		}
		if got, want := shape(out.String()), shape(clean.String()); got != want {
			t.Errorf("%q %q %q %q gives another shape: %d, want %d", name, cert, logs, upstream, got, want)
		}
	})
}
