// Package clientconfig writes the configurations of clients, in the form that each reads.
package clientconfig

import (
	"io"

	"toolgate/config"
)

// Clients lists the clients that are known.
func Clients() []string { return nil }

// Print writes what connects a client to the server of this configuration. args are what the command line says beyond the
// name.
func Print(out io.Writer, client string, args []string, cfg config.Config) error { return nil }
