// Package clientconfig writes the configurations of clients, in the form that each reads: the URL of this server, and in the
// client's own words where it finds the key. A key itself is never written.
package clientconfig

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"toolgate/config"
)

// Transport is how a client reaches the server.
type Transport string

// The transports.
const (
	HTTP  Transport = "http"  // Streamable HTTP, at /mcp
	SSE   Transport = "sse"   // HTTP+SSE, at /sse
	Stdio Transport = "stdio" // the client starts toolgate itself
)

// ErrUsage is wrapped where the command line is wrong.
var ErrUsage = errors.New("usage: toolgate client-config [CLIENT [--name NAME] [--transport http|sse|stdio] [--key] [--key-variable NAME] " +
	"[--program PATH] [--config-file FILE] [--command]]")

// Clients lists the clients that are known.
func Clients() []string {
	var names []string
	for _, c := range clients() {
		names = append(names, c.name)
	}
	return names
}

// Print writes what connects a client to the server of this configuration, and nothing else, so that it can be written to the
// client's file; without a client it lists them. args are what the command line says beyond the name:
//
//	--name NAME          what the client calls the server
//	--transport T        http, sse or stdio, where the client can do that
//	--key                send a key or token even though clients may log in
//	--key-variable NAME  the variable of the client's environment that holds the key
//	--program PATH       the toolgate that a client starts, for stdio
//	--config-file FILE   the configuration file that it starts it with
//	--command            the client's own command line that does the same
func Print(out io.Writer, client string, args []string, cfg config.Config) error {
	if client == "" || slices.ContainsFunc(append([]string{client}, args...), isHelp) {
		return list(out, cfg)
	}
	if strings.HasPrefix(client, "-") {
		return fmt.Errorf("name the client first, one of %s; %w", strings.Join(Clients(), ", "), ErrUsage)
	}
	all := clients()
	at := slices.IndexFunc(all, func(c format) bool { return c.name == client })
	if at < 0 {
		return fmt.Errorf("there is no client %q; those known are %s", client, strings.Join(Clients(), ", "))
	}
	f := all[at]
	s, command, err := f.read(args, cfg)
	if err != nil {
		return err
	}
	text, err := f.render(s, command)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// isHelp says that a word asks what there is to say.
func isHelp(word string) bool { return word == "-h" || word == "-help" || word == "--help" }

// format is one client.
type format struct {
	name  string
	where string // the file that it goes to

	transports []Transport // the first is used where nobody says which
	file       func(s server) (string, error)
	command    func(s server) (string, error) // nil where the client has none
}

// read makes of the command line and the configuration what is to be written.
func (f format) read(args []string, cfg config.Config) (s server, command bool, err error) {
	flags := flag.NewFlagSet("client-config", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	name := flags.String("name", "toolgate", "")
	transport := flags.String("transport", string(f.transports[0]), "")
	key := flags.Bool("key", false, "")
	variable := flags.String("key-variable", "MCP_KEY", "")
	program := flags.String("program", "", "")
	file := flags.String("config-file", "", "")
	flags.BoolVar(&command, "command", f.file == nil, "")
	if err := flags.Parse(args); err != nil {
		return s, false, fmt.Errorf("%w; %w", err, ErrUsage)
	}
	if flags.NArg() > 0 {
		return s, false, fmt.Errorf("%q is one word too many; %w", flags.Arg(0), ErrUsage)
	}
	s = server{name: *name, transport: Transport(*transport), variable: *variable}
	switch {
	case !serverName.MatchString(s.name):
		return s, false, fmt.Errorf("--name %q: clients take letters, digits, - and _ only, 64 at most", s.name)
	case !variableName.MatchString(s.variable):
		return s, false, fmt.Errorf("--key-variable %q is not the name of an environment variable", s.variable)
	case !slices.Contains(f.transports, s.transport):
		return s, false, fmt.Errorf("%s cannot do --transport %q; it can do %s", f.name, s.transport, joined(f.transports))
	case command && f.command == nil:
		return s, false, fmt.Errorf("%s has no command of its own: leave --command out, and put what is printed in %s", f.name, f.where)
	}
	if s.transport == Stdio {
		err = s.start(*program, *file)
		return s, command, err
	}
	s.login = cfg.Auth.Discoverable()
	s.key = !cfg.Auth.Open() && (*key || !s.login)
	err = s.locate(cfg)
	return s, command, err
}

func (f format) render(s server, command bool) (string, error) {
	if command {
		return f.command(s)
	}
	return f.file(s)
}

var (
	serverName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func joined(transports []Transport) string {
	var words []string
	for _, t := range transports {
		words = append(words, string(t))
	}
	return strings.Join(words, ", ")
}

// list prints the clients, with where the file of each goes, and what there is to know of keys here.
func list(out io.Writer, cfg config.Config) error {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: toolgate client-config CLIENT [flags] > FILE\n\n")
	for _, f := range clients() {
		fmt.Fprintf(&b, "  %-15s %-17s %s\n", f.name, strings.ReplaceAll(joined(f.transports), ", ", "|"), f.where)
	}
	fmt.Fprintf(&b, `
flags:
  --name NAME          what the client calls the server (toolgate)
  --transport T        http, sse or stdio, where the client can do that (the first of those above)
  --key                send a key or token even though clients may log in
  --key-variable NAME  the variable of the client's environment that holds the key (MCP_KEY)
  --program PATH       the toolgate that a client starts, for stdio (this one)
  --config-file FILE   the configuration file that it starts it with (none)
  --command            the client's own command line that does the same, where it has one

`)
	switch {
	case cfg.Auth.Open():
		b.WriteString("This server asks for no key.\n")
	case cfg.Auth.Discoverable():
		b.WriteString("This server lets clients log in: they are told where, and no key is written. --key is for clients that cannot.\n")
	default:
		b.WriteString("This server asks for a key: keep it in the variable MCP_KEY of the client's environment, or where the client asks for it.\n" +
			"claude-desktop has neither: put the key in the place of PASTE-THE-KEY-HERE.\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
