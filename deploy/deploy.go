// Package deploy renders the files that a deployment needs from the configuration in force, so that they agree with it.
package deploy

import (
	"io"

	"toolgate/config"
)

// Options are what a deployment has that the configuration does not say.
type Options struct {
	Config     config.Config
	ConfigFile string // where the configuration was read from; empty: nowhere
	Version    string
}

// Kinds lists what Render makes.
func Kinds() []string { return []string{"nginx", "systemd", "compose", "k8s"} }

// Render writes one of Kinds. args are what the command line says beyond it.
func Render(out io.Writer, kind string, args []string, o Options) error { return nil }
