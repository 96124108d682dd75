package doctor

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxEvent = 4 << 20 // bytes of one line of a stream

// event is an event of a stream, or a comment by itself, and when it arrived.
type event struct {
	name, data string
	comment    bool
	at         time.Time
}

// stream is an open stream, read by a goroutine of its own until either side ends it. close waits for it.
type stream struct {
	header   http.Header
	asked    time.Time
	answered time.Time // when the headers came
	events   chan event
	ended    chan struct{} // closed after events
	err      error         // how it ended: nil for a clean end; read after ended
	stop     context.CancelFunc
}

// open asks for a stream and waits for the headers of its answer, for as long as patience. The stream is nil where the
// answer is none; what it is instead is in the answer.
func (p *probe) open(ctx context.Context, q query, patience time.Duration) (*stream, answer, error) {
	ctx, stop := context.WithCancelCause(ctx)
	late := time.AfterFunc(patience, func() { stop(errNoAnswer(patience)) })
	defer late.Stop()
	q.method = http.MethodGet
	q.header = append([]string{"Accept", "text/event-stream", "Cache-Control", "no-cache"}, q.header...)
	r, err := p.request(ctx, q)
	if err != nil {
		stop(nil)
		return nil, answer{}, err
	}
	client := q.client
	if client == nil {
		client = p.fresh
	}
	asked := time.Now()
	response, err := client.Do(r)
	if err != nil {
		err = plainly(ctx, err)
		stop(nil)
		return nil, answer{}, err
	}
	p.conceal(response.Header)
	a := answer{status: response.StatusCode, header: response.Header, after: time.Since(asked)}
	if a.status != http.StatusOK || mediaType(a.header) != "text/event-stream" {
		a.body, _ = io.ReadAll(io.LimitReader(response.Body, maxQuoted*4)) // cut off by late at the latest
		_ = response.Body.Close()
		stop(nil)
		p.manners.note(a, asked)
		return nil, a, nil
	}
	st := &stream{
		header: a.header, asked: asked, answered: time.Now(), events: make(chan event, 16), ended: make(chan struct{}),
		stop: func() { stop(nil) },
	}
	p.manners.note(a, asked.Add(a.after/2))
	go st.read(ctx, response)
	return st, a, nil
}

// close ends the stream from our side.
func (st *stream) close() {
	st.stop()
	for range st.events { // what has arrived is not wanted
	}
	<-st.ended
}

func (st *stream) read(ctx context.Context, response *http.Response) {
	defer close(st.ended)
	defer close(st.events)
	defer response.Body.Close()
	body, err := decoded(response)
	if err == nil {
		err = readEvents(body, func(e event) error {
			select {
			case st.events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	if !errors.Is(err, io.EOF) {
		st.err = err
	}
}

func decoded(response *http.Response) (io.Reader, error) {
	if strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		return gzip.NewReader(response.Body)
	}
	return response.Body, nil
}

// readEvents hands on every event and comment as it comes, until the stream or take ends it.
func readEvents(body io.Reader, take func(event) error) error {
	lines := bufio.NewReaderSize(body, 64<<10)
	var e event
	var begun bool
	for {
		line, err := readLine(lines)
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		var whole *event
		switch {
		case line == "" && begun:
			done := e
			whole, e, begun = &done, event{}, false
		case line == "":
		case name == "":
			whole = &event{comment: true, data: value}
		case name == "event":
			e.name, begun = value, true
		case name == "data":
			if e.data != "" {
				e.data += "\n"
			}
			e.data, begun = e.data+value, true
		}
		if whole == nil {
			continue
		}
		whole.at = time.Now()
		if err := take(*whole); err != nil {
			return err
		}
	}
}

func readLine(lines *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		case len(line) > maxEvent:
			return "", errors.New("a line of the stream has no end")
		}
	}
}

// next is the next event or comment. It fails when none comes in time, and with io.EOF or the stream's own error at its end.
func (st *stream) next(ctx context.Context, patience time.Duration) (event, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case e, open := <-st.events:
		if open {
			return e, nil
		}
		<-st.ended
		if st.err != nil {
			return event{}, st.err
		}
		return event{}, io.EOF
	case <-ctx.Done():
		return event{}, context.Cause(ctx)
	case <-late.C:
		return event{}, errNoAnswer(patience)
	}
}

// firstMessage is the data of a stream's first message that is an answer; a POST's stream is read so.
func (p *probe) firstMessage(ctx context.Context, response *http.Response) ([]byte, error) {
	body, err := decoded(response)
	if err != nil {
		return nil, err
	}
	var data []byte
	err = readEvents(body, func(e event) error {
		if !e.comment && isResponse(e.data) {
			data = []byte(e.data)
			return errFound
		}
		return ctx.Err()
	})
	if errors.Is(err, errFound) || errors.Is(err, io.EOF) {
		err = nil
	}
	return data, err
}

var errFound = errors.New("found")
