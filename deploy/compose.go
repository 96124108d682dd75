package deploy

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"toolgate/config"
)

// compose is what the template of compose.yaml is filled with.
type compose struct {
	*contained
	Subnet string // of the network that nginx and the replicas share
	Nginx  string // its nginx.conf
}

// Inside the container of nginx, which runs as nobody in particular and so cannot listen below 1024.
const (
	nginxTLSPort   = 8443
	nginxPlainPort = 8080
	nginxLogs      = "/toolgate-logs" // replaced below: a container logs to its outputs
)

// renderCompose writes compose.yaml.
func renderCompose(out io.Writer, args []string, o Options) error {
	subnet, memory := "172.30.42.0/24", unitMemory
	flags := newFlags(out, "compose")
	flags.StringVar(&subnet, "subnet", subnet, "`range` of addresses for nginx and the replicas")
	flags.Func("memory", "most memory one replica may use; `size` such as 2GiB (default 1GiB)", func(text string) error {
		return memory.UnmarshalText([]byte(text))
	})
	if err := parse(flags, args); err != nil {
		return err
	}
	if _, err := netip.ParsePrefix(subnet); err != nil {
		return fmt.Errorf("--subnet: %q is not a range such as 172.30.42.0/24", subnet)
	}
	o.Config.Redis.URL = config.Secret{} // the one of compose.yaml, which has nothing to hide
	c, err := contain(o, memory, subnet)
	if err != nil {
		return err
	}
	file := compose{contained: c, Subnet: subnet}
	if file.Nginx, err = file.nginx(); err != nil {
		return err
	}
	return fill(out, "compose.yaml.tmpl", file)
}

// nginx is the nginx.conf in front of the replicas.
func (c *compose) nginx() (string, error) {
	args := []string{
		"--whole", "--user", "", "--run-dir", "/tmp", "--log-dir", nginxLogs,
		"--certificate", "/etc/nginx/tls/fullchain.pem", "--certificate-key", "/etc/nginx/tls/privkey.pem",
		"--listen", strconv.Itoa(nginxTLSPort), "--redirect", strconv.Itoa(nginxPlainPort),
	}
	for _, n := range c.Numbers() {
		args = append(args, "--upstream", fmt.Sprintf("toolgate-%d:%d", n, c.Port()))
	}
	var text bytes.Buffer
	o := c.Options
	o.Config.Redis.URL = config.NewSecret("redis://redis:6379") // it is there, by a variable
	if err := renderNginx(&text, args, o); err != nil {
		return "", fmt.Errorf("make nginx.conf: %w", err)
	}
	return strings.NewReplacer(nginxLogs+"/toolgate.log", "/dev/stdout", nginxLogs+"/toolgate_error.log", "/dev/stderr",
		nginxLogs+"/error.log", "/dev/stderr").Replace(text.String()), nil
}

// Dollars keeps compose from reading variables into text that has some of its own.
func (compose) Dollars(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// TLSPort is where nginx listens in its container.
func (compose) TLSPort() int { return nginxTLSPort }

// PlainPort is TLSPort for plain HTTP.
func (compose) PlainPort() int { return nginxPlainPort }
