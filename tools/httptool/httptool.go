// Package httptool offers tools that an operator declares over HTTP APIs: each a request with places for arguments, or an
// operation of an OpenAPI document.
//
// What is declared (declaration.go) is checked as a whole and made into operations (tool.go, document.go, imported.go). A call passes,
// from its arguments to the wire: the places for them (template.go, path.go, field.go, body.go, textbody.go), whose credential is used
// (upstream.go), the request (operation.go), and what becomes of the answer (response.go, filter.go, failure.go). Where a
// request goes is the operator's to say alone: no argument is part of a host, a scheme, or more than one segment of a path.
package httptool

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// Name is the pack's name in tools.toolsets.
const Name = "http"

// Pack is the tools declared over HTTP. Safe for concurrent use.
type Pack struct {
	operations []*operation
	upstreams  []*upstream
	files      []string
	skipped    []string
}

// New makes the pack of what stands under tools.http. It asks no network, and reads the OpenAPI documents that are named,
// from the working folder. The error joins every fault there is, each with its file and line. log is told of operations
// that were left out, and may be nil.
func New(tree config.Tree, log *zap.Logger) (*Pack, error) {
	if log == nil {
		log = zap.NewNop()
	}
	var d declaration
	faults := []error{tree.Decode(&d)}
	if err := checkPrivate(d.Private); err != nil {
		faults = append(faults, err)
		d.Private = nil // it would be said of every API again
	}
	b := &builder{pack: &Pack{}, private: d.Private, apis: map[string]*upstream{}, hosts: map[string]*upstream{}, faults: faults}
	b.add(d)
	if err := b.check(); err != nil {
		return nil, err
	}
	for _, u := range b.pack.upstreams {
		if err := u.open(); err != nil {
			b.pack.Close()
			return nil, fmt.Errorf("tools.http: %w", err)
		}
	}
	if len(b.notes) > 0 {
		log.Info("tools of OpenAPI documents are not in all as the documents say", zap.Strings("changes", b.notes))
	}
	if len(b.pack.skipped) > 0 {
		log.Warn("operations of OpenAPI documents are left out", zap.Strings("operations", b.pack.skipped))
	}
	return b.pack, nil
}

// checkPrivate reads the list of hosts that may be private as the client will.
func checkPrivate(hosts []string) error {
	client, err := egress.New(egress.Options{Name: "tools.http.private", BaseURL: "https://localhost", Private: hosts})
	if err != nil {
		return fmt.Errorf("tools.http.private: %w", err)
	}
	client.Close()
	return nil
}

// builder makes a pack, and gathers what is wrong.
type builder struct {
	pack    *Pack
	private []string
	apis    map[string]*upstream
	hosts   map[string]*upstream // of tools with an address of their own, by what stands before its path
	notes   []string
	faults  []error
}

func (b *builder) add(d declaration) {
	for _, name := range slices.Sorted(maps.Keys(d.APIs)) {
		u, faults := newUpstream(name, d.APIs[name], b.private)
		b.faults = append(b.faults, faults...)
		b.apis[name] = u
		b.pack.upstreams = append(b.pack.upstreams, u)
	}
	for _, t := range d.Tools {
		o, err := newOperation(t, b.apis, b.own)
		b.faults = append(b.faults, err)
		b.pack.operations = append(b.pack.operations, o)
	}
	for _, name := range slices.Sorted(maps.Keys(d.APIs)) {
		b.load(d.APIs[name], b.apis[name])
	}
}

// own is the upstream of tools with an address of their own: one for a host.
func (b *builder) own(at config.Position, base *url.URL) *upstream {
	if u := b.hosts[base.String()]; u != nil {
		return u
	}
	u, faults := newUpstream(base.Host, apiDeclaration{At: at, URL: base.String()}, b.private)
	b.faults = append(b.faults, faults...)
	b.hosts[base.String()] = u
	b.pack.upstreams = append(b.pack.upstreams, u)
	return u
}

// load makes the operations of an API's document that were chosen.
func (b *builder) load(d apiDeclaration, u *upstream) {
	if d.OpenAPI == "" {
		b.faults = append(b.faults, withoutDocument(d, u.name))
		return
	}
	b.pack.files = append(b.pack.files, d.OpenAPI)
	imported := importDocument(d, u)
	b.faults = append(b.faults, imported.faults...)
	b.pack.operations = append(b.pack.operations, imported.operations...)
	b.pack.skipped = append(b.pack.skipped, imported.skipped...)
	b.notes = append(b.notes, imported.notes...)
}

// check is every fault, those of the pack as a whole included.
func (b *builder) check() error {
	first := map[string]*operation{}
	for _, o := range b.pack.operations {
		name := o.tool.Name
		if other, twice := first[name]; twice && name != "" {
			b.faults = append(b.faults, o.fault("there is another of this name, at %s", other.tool.At))
			continue
		}
		first[name] = o
	}
	err := errors.Join(b.faults...)
	if err == nil && len(b.pack.operations) == 0 {
		return errors.New("tools.http declares no tools: add some under tools, or an api with openapi")
	}
	return err
}

// Features returns the tools, those declared one by one first. Those that change something do nothing until they are
// enabled by name.
func (p *Pack) Features() mcp.Features {
	f := mcp.Features{}
	for _, o := range p.operations {
		f.Tools = append(f.Tools, o.mcpTool())
	}
	return f
}

// Files are the documents that the pack was made of, as they were named.
func (p *Pack) Files() []string { return slices.Clone(p.files) }

// Skipped says which operations of the documents were left out though they were chosen by tag, and why.
func (p *Pack) Skipped() []string { return slices.Clone(p.skipped) }

// Close ends what is still asked, and waits for it. Calls after it fail.
func (p *Pack) Close() {
	for _, u := range p.upstreams {
		if u.client != nil {
			u.client.Close()
		}
	}
}
