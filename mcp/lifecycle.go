package mcp

import "context"

// maxClientName bounds what a client may call itself, in bytes; it is kept as long as the session.
const maxClientName = 256

// initialize settles revision and capabilities (all revisions up to 2025-11-25, lifecycle). A client that names no
// revision, or nothing at all, is one from before negotiation.
func (s *Server) initialize(_ context.Context, x *exchange, p initializeParams) (*initializeResult, error) {
	if len(p.ClientInfo.Name) > maxClientName || len(p.ClientInfo.Version) > maxClientName {
		return nil, Errorf(CodeInvalidParams, "clientInfo: name and version are at most %d bytes", maxClientName)
	}
	rev := negotiate(p.ProtocolVersion)
	if back := x.peer.back; back != nil {
		peer := *x.peer
		peer.Revision, peer.Capabilities, peer.Initialized = rev, p.Capabilities, true
		peer.Client = Implementation{Name: p.ClientInfo.Name, Version: p.ClientInfo.Version}
		if err := back.initialize(&peer); err != nil {
			return nil, err
		}
	}
	caps := serverCapabilities{
		Tools:     listChanged{true},
		Resources: resourceCapabilities{Subscribe: true, ListChanged: true},
		Prompts:   listChanged{true},
	}
	if rev.Annotations {
		caps.Completions = &empty{}
	}
	return &initializeResult{
		ProtocolVersion: rev.Name,
		Capabilities:    caps,
		ServerInfo:      projectInfo(s.opts.Info, rev),
		Instructions:    s.opts.Instructions,
	}, nil
}

// ping is answered with exactly {}.
func (s *Server) ping(context.Context, *exchange, empty) (empty, error) { return empty{}, nil }
