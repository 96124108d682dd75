package tools

import (
	"fmt"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// pack is one toolset there may be: its name in tools.toolsets, and how it is made.
type pack struct {
	name string

	// section is the part of the configuration that the pack is made of: as long as it stays the same, a reload leaves the
	// pack alone.
	section func(config.Tools) any

	// missing is the key that must be set before the pack has anything to offer; empty where it has. Nil: it always has.
	missing func(config.Tools) string

	// outside says whether what its tools give comes from elsewhere, so that what holds for such text is applied to it. Nil:
	// it does not.
	outside func(config.Tools) bool

	open func(cfg config.Tools, h hooks) (offer, error)
}

// hooks are what a pack may tell of, once it was started.
type hooks struct {
	changed func(mcp.Features) error // it offers something else from now on; the error is why that cannot be served
	updated func(uri string)         // a resource has new contents
	log     *zap.Logger
	helper  []string // Options.Helper
}

// offer is a pack in force.
type offer struct {
	features mcp.Features
	files    []string // that it was made of, beside the configuration
	start    func()   // begins what uses hooks; nil: nothing does
	close    func()   // lets go of what it holds, once no call runs; nil: nothing
}

// offers is the open of a pack that is made of nothing and holds nothing.
func offers(features func() (mcp.Features, error)) func(config.Tools, hooks) (offer, error) {
	return func(config.Tools, hooks) (offer, error) {
		f, err := features()
		return offer{features: f}, err
	}
}

// elsewhere is the outside of a pack that has nothing of its own.
func elsewhere(config.Tools) bool { return true }

// unconfigured is what to say to who asks for a pack by name that has nothing to offer.
func (p pack) unconfigured(cfg config.Tools) error {
	if p.missing == nil {
		return nil
	}
	if key := p.missing(cfg); key != "" {
		return fmt.Errorf("tools.toolsets: %s has nothing to offer: set %s", p.name, key)
	}
	return nil
}
