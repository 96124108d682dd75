package handlers

import (
	"time"

	"toolgate/mcp"
)

// aloneGrace is how long requests that stand alone may take once the client has closed its end.
const aloneGrace = 2 * time.Second

// stateless serves one request that stands alone (2026-07-28, stdio): no headers, no status; its messages share the pipe
// with all others. The answer is returned where the request is refused; else it comes on lines.
func (r *lineReader) stateless(m *mcp.Message) []byte {
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
		if stream, fault = r.Server.Listen(r.serving, peer, m); fault != nil {
			return mcp.AppendError(nil, m.ID, fault)
		}
	} else {
		stream = r.Server.Stream(r.serving, peer, m)
	}
	id := m.ID.String()
	r.mu.Lock()
	if r.singles[id] == nil {
		r.singles[id] = stream
	}
	if m.IsListen() {
		r.listens[stream] = struct{}{}
	}
	r.mu.Unlock()
	r.alone.Go(func() {
		r.forward(stream)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listens, stream)
		if r.singles[id] == stream {
			delete(r.singles, id)
		}
	})
	return nil
}

// forward gives the messages of one request to the writer, until its answer or its cancellation: after that nothing is sent
// for it any more (2026-07-28, cancellation).
func (r *lineReader) forward(stream *mcp.Stream) {
	var events []mcp.Event
	for !stream.Finished() {
		select {
		case <-stream.Ready():
			events = stream.Take(events[:0])
		case <-stream.Done():
		}
		for _, e := range events {
			if stream.Cause() != nil {
				break
			}
			select {
			case r.lines <- e.Data:
			case <-stream.Done():
			}
		}
		if stream.Cause() != nil {
			break
		}
	}
	stream.Close(stream.Cause())
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
	for stream := range r.listens {
		stream.Close(mcp.ClientGone())
	}
}
