package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"toolgate/mcp"
)

// Stdio serves one client over a pair of pipes: a message a line each way, nothing else on out. Both eras share the pipes,
// told apart by each message: what claims to stand alone is served so, everything else belongs to the one session.
type Stdio struct {
	Server    *mcp.Server
	Sessions  Sessions
	Principal *mcp.Principal
	MaxLine   int // bytes; required
}

// Serve reads in and writes out. It returns when in ends and what was asked has been answered, or when ctx ends. A line over
// MaxLine bytes is refused with an error. While the inbox is full nothing is read: a pipe's writer can wait. drain is called
// when in has ended: it returns when no call is under way, and ends the session. Serve returns nil where the client simply
// went.
func (s Stdio) Serve(ctx context.Context, in io.Reader, out io.Writer, drain func()) error {
	stream, err := s.Sessions.Open(mcp.OpenOptions{Principal: s.Principal, Wire: mcp.WireStdio})
	if err != nil {
		return fmt.Errorf("open the session: %w", err)
	}
	// What was asked is answered even where ctx ends; this lets go of whoever still has something to write.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &lineReader{
		Stdio: s, session: stream.SessionID(), serving: serving, lines: make(chan []byte), room: make(chan struct{}, 1),
		singles: map[string]*mcp.Stream{}, listens: map[*mcp.Stream]struct{}{},
	}
	read := make(chan error, 1)
	go func(ended chan<- error) { ended <- r.read(ctx, in) }(read) // ends with in, or with the process

	w := bufio.NewWriter(out)
	var batch []mcp.Event
	write := func(line []byte) error {
		_, err1 := w.Write(line)
		return errors.Join(err1, w.WriteByte('\n'))
	}
	flush := func() error {
		batch = stream.Take(batch[:0])
		for _, e := range batch {
			if err := write(e.Data); err != nil {
				return err
			}
		}
		stream.Tidy()
		select {
		case r.room <- struct{}{}:
		default:
		}
		return w.Flush()
	}
	ended, drained := ctx.Done(), make(chan struct{})
	finish := func() {
		ended, read = nil, nil
		go func() { // its end is waited for below
			r.endListens()
			late := time.AfterFunc(aloneGrace, stop)
			drain()
			r.alone.Wait()
			late.Stop()
			close(drained)
		}()
	}
	var failed error
	for failed == nil {
		select {
		case <-stream.Ready():
			failed = flush()
		case line := <-r.lines:
			failed = errors.Join(write(line), w.Flush())
		case <-ended:
			finish()
		case err = <-read:
			finish()
		case <-drained:
			return s.end(stream, errors.Join(err, flush()))
		}
	}
	return s.end(stream, failed)
}

// end closes the stream. A client that closed its end of the pipe is no error.
func (s Stdio) end(stream *mcp.Stream, err error) error {
	stream.Close(mcp.ClientGone())
	if isBrokenPipe(err) {
		return nil
	}
	return err
}

// lineReader delivers the lines of in. What is answered past the session it gives to the one writer.
type lineReader struct {
	Stdio
	session string
	serving context.Context // ends when nobody writes any more
	lines   chan []byte
	room    chan struct{}  // a token for each time that answers went out
	alone   sync.WaitGroup // requests that stand alone

	mu      sync.Mutex
	singles map[string]*mcp.Stream // by id
	listens map[*mcp.Stream]struct{}
}

// read returns nil at the end of in, or when ctx ends.
func (r *lineReader) read(ctx context.Context, in io.Reader) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	for {
		line, err := readLine(lines, r.MaxLine)
		var refusal []byte
		switch line = bytes.TrimSpace(line); {
		case errors.Is(err, errLineTooLong):
			refusal, err = tooLong(r.MaxLine), nil
		case len(line) > 0:
			refusal = r.deliver(ctx, line)
		}
		if refusal != nil {
			select {
			case r.lines <- refusal:
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("read: %w", err)
		}
	}
}

func tooLong(most int) []byte {
	return mcp.AppendError(nil, mcp.ID{}, mcp.Errorf(mcp.CodeInvalidRequest, "a message is at most %d bytes (limits.body)", most))
}

// deliver hands one message on, waiting for room, and returns the answer where the message is refused.
func (r *lineReader) deliver(ctx context.Context, line []byte) []byte {
	m, fault := mcp.Decode(bytes.Clone(line))
	if fault != nil {
		return mcp.AppendError(nil, m.ID, fault)
	}
	if standsAlone(m) || m.Method == "server/discover" || m.IsListen() {
		return r.stateless(m)
	}
	if id, ok := m.Cancels(); ok && r.cancel(id) {
		return nil
	}
	for {
		err := r.Sessions.Deliver(r.session, r.Principal, m, nil)
		var wire *mcp.Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &wire):
			return mcp.AppendError(nil, m.ID, wire)
		case !errors.Is(err, mcp.ErrBusy):
			return mcp.AppendError(nil, m.ID, mcp.Errorf(mcp.CodeInternal, "%s", err))
		}
		select {
		case <-r.room: // an answer went out: what fills the inbox has moved
		case <-ctx.Done():
			return nil
		}
	}
}

var errLineTooLong = errors.New("line too long")

// readLine reads a line within limit bytes; of a longer one it skips the rest.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line == nil && len(part) <= limit && !errors.Is(err, bufio.ErrBufferFull) {
			return part, err
		}
		line = append(line, part...)
		if len(line) > limit {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
			if err == nil || errors.Is(err, io.EOF) { // the next read says EOF again
				err = errLineTooLong
			}
			return nil, err
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
