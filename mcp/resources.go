package mcp

import (
	"context"
	"errors"
	"net/url"
	"slices"
)

type wireResource struct {
	URI         string       `json:"uri,omitempty"`
	URITemplate string       `json:"uriTemplate,omitempty"`
	Name        string       `json:"name"`
	Title       string       `json:"title,omitempty"`
	Description string       `json:"description,omitempty"`
	MIMEType    string       `json:"mimeType,omitempty"`
	Size        int64        `json:"size,omitzero"`
	Annotations *Annotations `json:"annotations,omitzero"`
	Icons       []Icon       `json:"icons,omitempty"`
}

func (w wireResource) project(rev *Revision) wireResource {
	w.Annotations = projectAnnotations(w.Annotations, rev)
	if !rev.Structured {
		w.Title = ""
	}
	if !rev.Icons {
		w.Icons = nil
	}
	return w
}

type listResourcesResult struct {
	Resources  []wireResource `json:"resources"`
	NextCursor string         `json:"nextCursor,omitempty"`
}

func (s *Server) listResources(_ context.Context, x *exchange, p listParams) (*listResourcesResult, error) {
	shown, next, err := page("resources", s.shown(x.peer.Principal).Resources, func(r *Resource) string { return r.URI }, p.Cursor, s.opts.PageSize)
	if err != nil {
		return nil, err
	}
	result := &listResourcesResult{NextCursor: next}
	for _, r := range shown {
		result.Resources = append(result.Resources, wireResource{
			URI: r.URI, Name: r.Name, Title: r.Title, Description: r.Description, MIMEType: r.MIMEType, Size: r.Size,
			Annotations: r.Annotations, Icons: r.Icons,
		}.project(x.peer.Revision))
	}
	return result, nil
}

type listTemplatesResult struct {
	ResourceTemplates []wireResource `json:"resourceTemplates"`
	NextCursor        string         `json:"nextCursor,omitempty"`
}

func (s *Server) listTemplates(_ context.Context, x *exchange, p listParams) (*listTemplatesResult, error) {
	shown, next, err := page("templates", s.shown(x.peer.Principal).Templates, func(t *ResourceTemplate) string { return t.URITemplate }, p.Cursor, s.opts.PageSize)
	if err != nil {
		return nil, err
	}
	result := &listTemplatesResult{NextCursor: next}
	for _, t := range shown {
		result.ResourceTemplates = append(result.ResourceTemplates, wireResource{
			URITemplate: t.URITemplate, Name: t.Name, Title: t.Title, Description: t.Description, MIMEType: t.MIMEType,
			Annotations: t.Annotations, Icons: t.Icons,
		}.project(x.peer.Revision))
	}
	return result, nil
}

// maxURI bounds a URI in bytes: it is matched against every template.
const maxURI = 8 << 10

// reader is what reads one URI.
type reader func(ctx context.Context, c *Call) ([]ResourceContents, error)

// find looks a URI up: among the resources first, then by the first template that matches. It is nil where nothing does.
func (c *catalog) find(uri string) reader {
	if i := slices.IndexFunc(c.Resources, func(r *Resource) bool { return r.URI == uri }); i >= 0 {
		return func(ctx context.Context, call *Call) ([]ResourceContents, error) {
			return c.Resources[i].Read(ctx, call, uri)
		}
	}
	for _, k := range c.Skills {
		if f := k.file(uri); f != nil {
			return func(context.Context, *Call) ([]ResourceContents, error) { return []ResourceContents{f.contents()}, nil }
		}
	}
	for _, t := range c.Templates {
		values := t.template.Match(uri)
		if values == nil {
			continue
		}
		vars := make(map[string]string, len(values))
		for name := range values {
			vars[name] = values.Get(name).String()
		}
		return func(ctx context.Context, call *Call) ([]ResourceContents, error) {
			return t.Read(ctx, call, uri, vars)
		}
	}
	return nil
}

func checkURI(uri string) error {
	if len(uri) > maxURI {
		return Errorf(CodeInvalidParams, "params: \"uri\" is longer than %d bytes", maxURI)
	}
	if u, err := url.Parse(uri); err != nil || u.Scheme == "" {
		return Errorf(CodeInvalidParams, "params: \"uri\" must be an absolute URI")
	}
	return nil
}

func notFound(uri string) error {
	return &Error{Code: CodeResourceNotFound, Message: "no such resource", Data: map[string]string{"uri": uri}}
}

func (s *Server) readResource(ctx context.Context, x *exchange, p uriParams) (*readResourceResult, error) {
	if err := checkURI(p.URI); err != nil {
		return nil, err
	}
	read := s.shown(x.peer.Principal).find(p.URI)
	if read == nil {
		return nil, notFound(p.URI)
	}
	ctx, done, err := x.open(ctx, p.URI, p.Meta, p.retryParams, nil, s.opts.CallTimeout)
	if err != nil {
		return nil, err
	}
	defer done()
	contents, err := read(ctx, &x.call)
	switch {
	case errors.Is(err, ErrResourceNotFound), err == nil && len(contents) == 0:
		return nil, notFound(p.URI)
	case err != nil:
		return nil, err
	}
	size := 0
	for _, item := range contents {
		size += len(item.Text) + len(item.Blob)
	}
	if most := max(maxWhole, s.opts.MaxResult); size > most {
		return nil, Errorf(CodeInternal, "the resource is too large to be sent: %d bytes, at most %d", size, most)
	}
	return &readResourceResult{Contents: contents}, nil
}

func (s *Server) subscribe(_ context.Context, x *exchange, p uriParams) (empty, error) {
	if err := checkURI(p.URI); err != nil {
		return empty{}, err
	}
	if s.shown(x.peer.Principal).find(p.URI) == nil {
		return empty{}, notFound(p.URI)
	}
	return s.subscribed(x, p, true)
}

func (s *Server) unsubscribe(_ context.Context, x *exchange, p uriParams) (empty, error) {
	return s.subscribed(x, p, false)
}

func (s *Server) subscribed(x *exchange, p uriParams, on bool) (empty, error) {
	if x.back == nil {
		return empty{}, Errorf(CodeInvalidRequest, "there is no stream here to send updates on: connect by /sse, or by /mcp with a session")
	}
	if err := x.back.subscribe(p.URI, on); err != nil {
		return empty{}, err
	}
	return empty{}, nil
}
