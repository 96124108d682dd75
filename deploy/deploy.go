// Package deploy renders the files that a deployment needs from the configuration in force, so that they agree with it:
// ports, paths, limits and times stand in one place.
//
// No credential of the configuration is ever written: where one is needed, the file names the variable or the file that
// has to hold it.
package deploy

import (
	"bytes"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"toolgate/config"
)

// Options are what a deployment has that the configuration does not say.
type Options struct {
	Config     config.Config
	ConfigFile string // where the configuration was read from; empty: nowhere
	Version    string
}

// killMargin is what a process may take beyond its lame duck and its grace before its keeper kills it: tools let go of
// what they hold, and the last lines are written.
const killMargin = 10 * time.Second

//go:embed templates
var templates embed.FS

// Kinds lists what Render makes.
func Kinds() []string { return []string{"nginx", "systemd", "compose", "k8s"} }

// Render writes one of Kinds. args are what the command line says beyond it: the kind's own flags, of which -h lists what
// there is. Nothing is written where an error is returned, which says what to change.
func Render(out io.Writer, kind string, args []string, o Options) error {
	var text bytes.Buffer
	var err error
	switch kind {
	case "nginx":
		err = renderNginx(&text, args, o)
	case "systemd":
		err = renderSystemd(&text, args, o)
	case "compose":
		err = renderCompose(&text, args, o)
	case "k8s":
		err = renderK8s(&text, args, o)
	default:
		err = fmt.Errorf("there is no %q to make: toolgate init %s", kind, strings.Join(Kinds(), "|"))
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) { // asked for, help is what there is to write
		return err
	}
	_, err = out.Write(text.Bytes())
	return err
}

// newFlags is the flags of a kind; help goes to out.
func newFlags(out io.Writer, kind string) *flag.FlagSet {
	flags := flag.NewFlagSet("toolgate init "+kind, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it, once
	flags.Usage = func() {
		_, _ = fmt.Fprintf(out, "usage: toolgate init %s [flags]\n\nflags:\n", kind)
		flags.SetOutput(out)
		flags.PrintDefaults()
		flags.SetOutput(io.Discard)
	}
	return flags
}

// parse reads args, which are flags alone.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%s: %w; -h lists its flags", flags.Name(), err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes flags alone, and not %q; -h lists them", flags.Name(), flags.Arg(0))
	}
	return nil
}

// fill writes a template of templates/.
func fill(out io.Writer, name string, data any) error {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"seconds": func(d time.Duration) int { return int((d + time.Second - 1) / time.Second) },
		"indent":  indent,
		"lower":   strings.ToLower,
	}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return fmt.Errorf("read the template: %w", err)
	}
	if err := t.Execute(out, data); err != nil {
		return fmt.Errorf("fill in the template: %w", err)
	}
	return nil
}

// indent puts n spaces before every line of text that has something in it.
func indent(n int, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, "")
}

// absolute is a path as a service manager needs it, which has no working folder of ours.
func absolute(what, path string) (string, error) {
	if strings.ContainsFunc(path, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", fmt.Errorf("%s: %q has a character that no file of a service should have", what, path)
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return whole, nil
}

// stopTime is how long a process may take to end once it was told to.
func stopTime(c config.Config) time.Duration {
	return c.Server.LameDuck + c.Server.ShutdownGrace + killMargin
}
