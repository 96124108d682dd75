package doctor

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	fewStreams  = 32  // at once on a connection; a browser with a few pages of streams needs more
	browserHTTP = 6   // connections that browsers open to a host over HTTP/1.1; every stream takes one
	maxFrames   = 8   // that are read in search of the settings
	h2Settings  = 0x4 // frame type (RFC 9113, 6.5)
	h2MaxStream = 0x3 // SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, 6.5.2)
	h2Preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// checkHTTP2 looks whether HTTP/2 is offered, and how many streams at once.
func (p *probe) checkHTTP2(ctx context.Context, s *sheet) {
	if !p.target.secure {
		s.info("http2", "HTTP/1.1, as plain HTTP is; browsers open %d streams to a host at the most", browserHTTP)
		return
	}
	streams, two, err := p.settings(ctx)
	switch {
	case err != nil:
		s.skip("http2", "could not be asked: %s", lastOf(err))
	case !two:
		s.warn("http1-only", because(fmt.Sprintf("browsers open %d connections to a host at the most over HTTP/1.1, and every stream takes one: the seventh page waits for ever", browserHTTP),
			"nginx: listen "+p.target.port+" ssl http2;"), "HTTP/2 is not offered")
	case streams < fewStreams:
		s.warn("http2-streams", because("each open stream of a client takes one", "nginx: http2_max_concurrent_streams 128;"),
			"HTTP/2 is offered with %d streams at once on a connection", streams)
	case streams == unlimited:
		s.ok("http2", "HTTP/2 is offered, without a limit of streams")
	default:
		s.ok("http2", "HTTP/2 is offered, with %d streams at once on a connection", streams)
	}
}

const unlimited = 1<<32 - 1 // RFC 9113, 6.5.2: without a setting there is no limit

// settings opens an HTTP/2 connection and reads its first settings.
func (p *probe) settings(ctx context.Context) (streams uint32, two bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.bounds.answer, errNoAnswer(p.bounds.answer))
	defer cancel()
	raw, err := p.dial(ctx, "tcp", p.target.address())
	if err != nil {
		return 0, false, plainly(ctx, err)
	}
	defer raw.Close()
	c := p.tlsConfig(true)
	c.ServerName, c.NextProtos = p.target.host, []string{"h2", "http/1.1"}
	conn := tls.Client(raw, c)
	if err := conn.HandshakeContext(ctx); err != nil {
		return 0, false, plainly(ctx, err)
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		return 0, false, nil
	}
	if err := conn.SetDeadline(time.Now().Add(p.bounds.answer)); err != nil {
		return 0, true, err
	}
	if _, err := conn.Write(append([]byte(h2Preface), 0, 0, 0, h2Settings, 0, 0, 0, 0, 0)); err != nil {
		return 0, true, err
	}
	streams, err = readSettings(conn)
	return streams, true, err
}

// readSettings reads frames until the first settings.
func readSettings(r io.Reader) (uint32, error) {
	for range maxFrames {
		var head [9]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 0, err
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if head[3] != h2Settings || head[4]&1 != 0 { // another frame, or the acknowledgement of ours
			if _, err := io.CopyN(io.Discard, r, length); err != nil {
				return 0, err
			}
			continue
		}
		streams := uint32(unlimited)
		for ; length >= 6; length -= 6 {
			var pair [6]byte
			if _, err := io.ReadFull(r, pair[:]); err != nil {
				return 0, err
			}
			if binary.BigEndian.Uint16(pair[:2]) == h2MaxStream {
				streams = binary.BigEndian.Uint32(pair[2:])
			}
		}
		return streams, nil
	}
	return 0, errors.New("no settings among the first frames")
}
