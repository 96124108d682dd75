package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"toolgate/config"
)

// contained is the configuration in force as containers run it, and what has to stand around them.
type contained struct {
	Options
	PublicHost string
	Replicas   int
	Settings   string   // toolgate.yaml: what differs from the defaults
	Variables  []string // secrets that it takes from the environment, ordered
	KeysUsed   bool     // API keys are asked for
	KeysAssume bool     // the configuration in force asks for nothing, and these containers ask for keys
	Audit      bool     // an audit file is kept
	State      bool     // the OAuth front keeps its state in a file
	Mounts     []string // files of this machine that the configuration names, for people
	Stop       time.Duration
	Read       time.Duration // how long a proxy waits for a byte
	Memory     config.Bytes
	GoMemory   config.Bytes
	Files      int
}

// Where things are in a container.
const (
	keysFolder = "/run/secrets/toolgate"
	keysFile   = keysFolder + "/keys.yaml"
	stateKey   = keysFolder + "/state.key"

	containerPort = 3002 // where the configuration takes any free port

	manyReplicas = 2
	readSlack    = 30 * time.Second // beyond the longest call, for its answer
	quietPings   = 4                // heartbeats that must be missing before a stream counts as dead
	leastRead    = time.Minute
)

// contain makes o's configuration one for containers. proxies are the addresses whose X-Forwarded headers are believed
// where the configuration names none.
func contain(o Options, memory config.Bytes, proxies ...string) (*contained, error) {
	if memory < leastMemory {
		return nil, fmt.Errorf("--memory: %v is not enough: give it %v or more", memory, leastMemory)
	}
	c := o.Config
	public, err := url.Parse(c.Server.PublicURL)
	if err != nil || public.Scheme != "https" {
		return nil, errors.New("server.public_url must be the https URL that clients will use, such as https://tools.example.com: set it first")
	}
	d := &contained{
		PublicHost: public.Hostname(), Replicas: manyReplicas, Memory: memory, GoMemory: memory * goShare / 100 / config.MiB * config.MiB,
		Stop: stopTime(c), Files: c.Limits.Sessions + spareFiles, KeysAssume: c.Auth.Open(),
		Audit: c.Audit.File != "", State: c.Auth.Front.StateFile != "",
		Read: max(leastRead, quietPings*c.SSE.PingInterval, c.MCP.CallTimeout+readSlack),
	}
	for _, file := range declaredFiles(c.Tools) {
		d.Mounts = append(d.Mounts, file.path)
	}

	c.Server.Host = "0.0.0.0"
	if c.Server.Port == 0 || c.Server.Port < lowPorts {
		c.Server.Port = containerPort
	}
	if c.Server.BasePath == "" { // so that nobody on the way has to rewrite paths
		c.Server.BasePath = strings.TrimSuffix(public.Path, "/")
	}
	if !slices.ContainsFunc(c.Server.TrustedProxies, outside) {
		c.Server.TrustedProxies = proxies
	}
	if d.KeysAssume {
		c.Auth.Mode = []string{config.AuthKeys}
	}
	if c.Auth.Has(config.AuthFront) {
		d.Replicas = 1 // its logins are known to the process that took them
	}
	if d.KeysUsed = c.Auth.UsesKeys(); d.KeysUsed {
		c.Auth.KeysFile = keysFile
	}
	c.MCP.StateKeyFile = stateKey
	c.Log.File = ""
	if d.Audit {
		c.Audit.File = logFolder + "/audit.jsonl"
	}
	if d.State {
		c.Auth.Front.StateFile = stateFolder + "/front.json"
	}
	d.Options = Options{Config: c, ConfigFile: o.ConfigFile, Version: o.Version}

	if err := d.write(); err != nil {
		return nil, err
	}
	return d, nil
}

// outside says that a proxy is not on this machine, as one is beside containers.
func outside(proxy string) bool {
	if addr, err := netip.ParseAddr(proxy); err == nil {
		return !addr.IsLoopback()
	}
	prefix, err := netip.ParsePrefix(proxy)
	return err == nil && !prefix.Addr().IsLoopback()
}

// write fills in Settings and Variables.
func (d *contained) write() error {
	source, err := readDeclarations(d.ConfigFile)
	if err != nil {
		return err
	}
	w := settingsWriter{source: source}
	root := w.section(reflect.ValueOf(d.Options.Config), reflect.ValueOf(config.Default()), nil)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(root), encoder.Close()); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	d.Settings = out.String()
	slices.Sort(w.variables)
	d.Variables = slices.Compact(w.variables)
	return nil
}

// Port is where the server listens in its container.
func (d *contained) Port() int { return d.Options.Config.Server.Port }

// Base is the prefix of every path.
func (d *contained) Base() string { return d.Options.Config.Server.BasePath }

// Body is the largest request body, in bytes.
func (d *contained) Body() int64 { return int64(d.Options.Config.Limits.Body) }

// Numbers counts the replicas, from 1.
func (d *contained) Numbers() []int {
	var numbers []int
	for n := range d.Replicas {
		numbers = append(numbers, n+1)
	}
	return numbers
}

// Image is what the image is called.
func (d *contained) Image() string {
	version := d.Version
	if version == "" || strings.ContainsAny(version, "+/ ") {
		version = "dev"
	}
	return "toolgate:" + version
}
