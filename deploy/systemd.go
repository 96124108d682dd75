package deploy

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"toolgate/config"
)

// unit is what the template of the systemd unit is filled with. Paths in it are plain; the template quotes them.
type unit struct {
	User         string // empty: one that systemd makes up
	Instances    bool   // a template unit, whose instances are ports
	Binary       string
	Config       string
	Memory       config.Bytes
	GoMemory     config.Bytes
	Files        int
	Stop         time.Duration
	LowPort      bool
	HomeReadable bool
	Writable     []string     // folders beyond the unit's own
	Credentials  []credential // files that only root needs to be able to read
	Keys         string       // the key file, where the server reads it itself
	Own          []variable   // files that every instance has of its own
}

// credential is a file that systemd reads as root and hands on, and the variable that says where.
type credential struct{ Name, Path, Variable string }

type variable struct{ Name, Value string }

// Defaults and bounds of a unit.
const (
	defaultBinary = "/usr/local/bin/toolgate"
	defaultConfig = "/etc/toolgate/toolgate.yaml"
	stateFolder   = "/var/lib/toolgate"
	logFolder     = "/var/log/toolgate"

	unitMemory  = config.GiB       // unless the command line says otherwise
	leastMemory = 128 * config.MiB // with less, the garbage collector would do nothing but run
	goShare     = 80               // percent of the memory that Go may use; the rest is the kernel's and the helpers'
	spareFiles  = 4096             // open files beyond one a session: upstreams, documents, logs
	lowPorts    = 1024             // to listen below takes a capability
)

// userName is what useradd takes for a name.
var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)

// renderSystemd writes a unit.
func renderSystemd(out io.Writer, args []string, o Options) error {
	u := unit{Binary: defaultBinary, Config: o.ConfigFile, Memory: unitMemory}
	if u.Config == "" {
		u.Config = defaultConfig
	}
	flags := newFlags(out, "systemd")
	flags.StringVar(&u.User, "user", "", "`name` of the user to run as; without it systemd makes one up for as long as the server runs")
	flags.StringVar(&u.Binary, "binary", u.Binary, "`path` of toolgate")
	flags.StringVar(&u.Config, "config", u.Config, "`path` of the configuration file")
	flags.BoolVar(&u.Instances, "instances", false, "make toolgate@.service, whose instances are named by their ports, such as toolgate@3002")
	flags.Func("memory", "most memory the server may use; `size` such as 2GiB (default 1GiB)", func(text string) error {
		return u.Memory.UnmarshalText([]byte(text))
	})
	if err := parse(flags, args); err != nil {
		return err
	}
	if err := errors.Join(u.check(o.Config), u.paths(o.Config)); err != nil {
		return err
	}
	u.Stop = stopTime(o.Config)
	u.Files = o.Config.Limits.Sessions + spareFiles
	u.GoMemory = u.Memory * goShare / 100 / config.MiB * config.MiB
	u.LowPort = !u.Instances && o.Config.Server.Port > 0 && o.Config.Server.Port < lowPorts
	return fill(out, "systemd.service.tmpl", u)
}

// check refuses what no unit should be made of.
func (u *unit) check(c config.Config) error {
	switch {
	case u.User == "root":
		return errors.New("--user: root may do all that the unit is there to forbid: make a user, or leave --user out")
	case u.User != "" && !userName.MatchString(u.User):
		return fmt.Errorf("--user: %q is no name of a user", u.User)
	case strings.ContainsAny(u.Binary, "\"'\\$"):
		return fmt.Errorf("--binary: systemd starts nothing whose path has quotes, \\ or $ in it, as %s has", u.Binary)
	case u.Memory < leastMemory:
		return fmt.Errorf("--memory: %v is not enough: give it %v or more", u.Memory, leastMemory)
	case u.Instances && c.Auth.Has(config.AuthFront):
		return errors.New("--instances: the logins of auth.mode: front are known to the process that took them: run one, or take another mode")
	}
	return nil
}

// paths makes every path of the configuration one that a unit can name.
func (u *unit) paths(c config.Config) error {
	var faults []error
	whole := func(what, path string) string {
		if path == "" {
			return ""
		}
		if what != "--config" && what != "--binary" && !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(u.Config), path) // where the unit's working folder is
		}
		path, err := absolute(what, path)
		faults = append(faults, err)
		return path
	}
	u.Config = whole("--config", u.Config)
	u.Binary = whole("--binary", u.Binary)

	if key := whole("mcp.state_key_file", c.MCP.StateKeyFile); key != "" {
		u.Credentials = append(u.Credentials, credential{"state.key", key, "TOOLGATE_MCP_STATE_KEY_FILE"})
	}
	u.Keys = whole("auth.keys_file", c.Auth.KeysFile)
	if u.Keys != "" && u.User == "" {
		u.Credentials = append(u.Credentials, credential{"keys.yaml", u.Keys, "TOOLGATE_AUTH_KEYS_FILE"})
		u.Keys = ""
	}
	for _, written := range []struct{ key, path, variable string }{
		{"audit.file", c.Audit.File, "TOOLGATE_AUDIT_FILE"},
		{"log.file", c.Log.File, "TOOLGATE_LOG_FILE"},
		{"auth.front.state_file", c.Auth.Front.StateFile, ""},
	} {
		path := whole(written.key, written.path)
		u.writes(path)
		if path != "" && u.Instances && written.variable != "" {
			end := filepath.Ext(path)
			u.Own = append(u.Own, variable{written.variable, escape(strings.TrimSuffix(path, end)) + "-%i" + escape(end)})
		}
	}
	read := []string{u.Binary, u.Config, u.Keys}
	for _, d := range declaredFiles(c.Tools) {
		path := whole("tools", d.path)
		read = append(read, path)
		if d.written {
			u.writes(path)
		}
	}
	u.HomeReadable = slices.ContainsFunc(read, inHome)
	slices.Sort(u.Writable)
	u.Writable = slices.Compact(u.Writable)
	return errors.Join(faults...)
}

// writes has a file written by the server, beside which it may make others.
func (u *unit) writes(path string) {
	if path == "" || within(path, stateFolder) || within(path, logFolder) {
		return
	}
	u.Writable = append(u.Writable, filepath.Dir(path))
}

func inHome(path string) bool {
	return within(path, "/home") || within(path, "/root") || within(path, "/run/user")
}

// within says that path is below folder.
func within(path, folder string) bool { return strings.HasPrefix(path, folder+"/") }

// ConfigFolder is the working folder, against which the paths of the configuration are read.
func (u unit) ConfigFolder() string { return filepath.Dir(u.Config) }

// EnvFile is where secrets stand that the configuration takes from variables.
func (u unit) EnvFile() string { return filepath.Join(u.ConfigFolder(), "toolgate.env") }

// Size is an amount of memory as systemd writes it.
func (unit) Size(b config.Bytes) string { return strings.TrimSuffix(b.String(), "iB") }

// Path is a path in a setting that takes the whole rest of its line.
func (unit) Path(path string) string { return escape(path) }

// Word is a path in a setting that takes several words.
func (unit) Word(path string) string { return quoted(escape(path)) }

// Arg is a path in a command.
func (unit) Arg(path string) string { return quoted(strings.ReplaceAll(escape(path), "$", "$$")) }

// Assign is a variable in Environment=, its value escaped already.
func (unit) Assign(name, value string) string { return quoted(name + "=" + value) }

// escape keeps systemd from reading specifiers into text.
func escape(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// quoted is a word that systemd reads as one, whatever is in it.
func quoted(word string) string {
	if !strings.ContainsAny(word, " \t\"'\\;") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
