package handlers

import (
	"context"

	"toolgate/mcp"
)

// stateless serves one request that stands alone (2026-07-28, stdio): no headers, no status; its messages share the pipe
// with all others. The answer is returned where the request is refused; else it comes on lines.
func (r *lineReader) stateless(ctx context.Context, m *mcp.Message) []byte {
	if !m.IsRequest() {
		if id, ok := m.Cancels(); ok {
			r.cancel(id)
		}
		return nil
	}
	envelope, fault := mcp.ReadEnvelope(m)
	if fault == nil {
		if rev, ok := mcp.RevisionNamed(envelope.Version); !ok || !rev.Stateless {
			fault = mcp.UnsupportedVersion(envelope.Version)
		}
	}
	if fault != nil {
		return mcp.AppendError(nil, m.ID, fault)
	}
	peer := envelope.Peer(r.Principal, "", mcp.WireStdio)
	var stream *mcp.Stream
	if m.IsListen() {
		if stream, fault = r.Server.Listen(ctx, peer, m); fault != nil {
			return mcp.AppendError(nil, m.ID, fault)
		}
	} else {
		stream = r.Server.Stream(ctx, peer, m)
	}
	id := m.ID.String()
	r.mu.Lock()
	if r.singles[id] == nil {
		r.singles[id] = stream
	}
	if m.IsListen() {
		r.listens = append(r.listens, stream)
	}
	r.mu.Unlock()
	r.alone.Go(func() {
		r.forward(ctx, stream)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.singles[id] == stream {
			delete(r.singles, id)
		}
	})
	return nil
}

// forward gives the messages of one request to the writer, until its answer, its cancellation or the end of ctx.
func (r *lineReader) forward(ctx context.Context, stream *mcp.Stream) {
	var events []mcp.Event
	for {
		select {
		case <-stream.Ready():
		case <-stream.Done():
			stream.Close(stream.Cause())
			return
		}
		events = stream.Take(events[:0])
		for _, e := range events {
			select {
			case r.lines <- e.Data:
			case <-ctx.Done():
				stream.Close(context.Cause(ctx))
				return
			}
		}
		if stream.Finished() {
			stream.Close(nil)
			return
		}
	}
}

// cancel ends the request of an id, if it stands alone.
func (r *lineReader) cancel(id mcp.ID) bool {
	r.mu.Lock()
	stream := r.singles[id.String()]
	r.mu.Unlock()
	if stream != nil {
		stream.Close(mcp.ClientGone())
	}
	return stream != nil
}

// endListens ends what would otherwise last for ever.
func (r *lineReader) endListens() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, stream := range r.listens {
		stream.Close(mcp.ClientGone())
	}
}
