package mcp

import (
	"context"
	"fmt"
)

// maxClientName bounds what a client may call itself, in bytes; it is kept as long as the session.
const maxClientName = 256

// initialize settles revision and capabilities (all revisions up to 2025-11-25, lifecycle). A client that names no
// revision, or nothing at all, is one from before negotiation.
func (s *Server) initialize(_ context.Context, x *exchange, p initializeParams) (*initializeResult, error) {
	if len(p.ClientInfo.Name) > maxClientName || len(p.ClientInfo.Version) > maxClientName {
		return nil, Errorf(CodeInvalidParams, "clientInfo: name and version are at most %d bytes", maxClientName)
	}
	rev := negotiate(p.ProtocolVersion)
	peer := *x.peer
	peer.Revision, peer.Capabilities, peer.Initialized = rev, p.Capabilities, true
	peer.Client = Implementation{Name: p.ClientInfo.Name, Version: p.ClientInfo.Version}
	if x.back != nil {
		if err := x.back.initialize(&peer); err != nil {
			return nil, err
		}
	}
	x.peer = &peer // what is reported of this request is what was settled
	return &initializeResult{
		ProtocolVersion: rev.Name,
		Capabilities:    s.capabilities(rev, x.peer.Principal),
		ServerInfo:      projectInfo(s.opts.Info, rev),
		Instructions:    s.opts.Instructions,
	}, nil
}

// capabilities is what we offer to clients of a revision.
func (s *Server) capabilities(rev *Revision, p *Principal) serverCapabilities {
	caps := serverCapabilities{
		Tools:     listChanged{true},
		Resources: resourceCapabilities{Subscribe: true, ListChanged: true},
		Prompts:   listChanged{true},
	}
	if rev.Annotations {
		caps.Completions = &empty{}
	}
	if rev.CoreTasks {
		caps.Tasks = new(coreTaskCapability)
		if p.ID != "" {
			caps.Tasks.List = &empty{}
		}
	}
	if rev.Stateless {
		caps.Extensions = map[string]any{extensionTasks: empty{}}
		if len(s.catalog.Load().Skills) > 0 {
			caps.Extensions[extensionSkills] = map[string]bool{"directoryRead": true}
		}
	}
	return caps
}

// discover is server/discover (2026-07-28): what a handshake would have said, for whoever asks.
func (s *Server) discover(_ context.Context, x *exchange, _ empty) (*discoverResult, error) {
	return &discoverResult{
		SupportedVersions: RevisionNames(),
		Capabilities:      s.capabilities(Stateless(), x.peer.Principal),
		Instructions:      s.opts.Instructions,
	}, nil
}

// decorate adds to a result what every stateless one says of itself: its type, how long it may be kept, and, where it is not
// named in it yet, who gave it.
func (s *Server) decorate(method, resultType string, named bool, result []byte) []byte {
	decorated := fmt.Appendf(nil, `{"resultType":%q`, resultType)
	if c := s.methods[method].cache; c != nil && resultType == "complete" {
		decorated = fmt.Appendf(decorated, `,"ttlMs":%d,"cacheScope":%q`, c.TTL, c.Scope)
	}
	if !named {
		decorated = append(append(decorated, `,"_meta":`...), s.meta...)
	}
	if len(result) > len("{}") {
		decorated = append(decorated, ',')
	}
	return append(decorated, result[1:]...)
}

// ping is answered with exactly {}.
func (s *Server) ping(context.Context, *exchange, empty) (empty, error) { return empty{}, nil }
