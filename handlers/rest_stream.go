package handlers

import (
	"io"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// restLogLevel is the least level of log messages that a stream carries.
const restLogLevel = "info"

// streamCall writes a call as server-sent events, each with one line of JSON:
//
//	progress      {"progress": 3, "total": 10, "message": "…"}; total and message only where they are known
//	log           {"level": "info", "logger": "TOOL", "data": …}
//	continuation  {"continuation": "…"}: the result that follows was cut to fit
//	result        the body that a plain POST is answered with; the last event
//	problem       a problem document; the last event
//
// The status is 200 as soon as the call is made: how it ends is in the last event. Comments in between keep proxies from
// cutting a stream that is quiet. A stream that ends without result or problem was cut on the way. It blocks until the
// answer has gone, or the client has, which cancels the call.
func (a *API) streamCall(c *gin.Context, stream *mcp.Stream) {
	w := a.newWriter(c, stream)
	every := a.cfg.SSE.PingInterval
	heartbeat := time.NewTimer(spread(every))
	defer heartbeat.Stop()
	var events []mcp.Event
	w.begin()
	w.write(c.Writer, []byte(": ok\n\n")) // the headers, and proof of life, at once
	for w.err == nil {
		c.Writer.Flush()
		select {
		case <-stream.Done():
			w.end(mcp.ClientGone())
		case <-stream.Ready():
			events = stream.Take(events[:0])
			w.begin()
			for _, e := range events {
				w.write(c.Writer, a.restEvents(c, e))
			}
			if stream.Finished() {
				w.end(io.EOF)
			}
		case now := <-heartbeat.C:
			w.begin()
			w.write(c.Writer, []byte(w.beat(now)))
			heartbeat.Reset(spread(every))
		}
	}
	c.Writer.Flush()
	stream.Close(w.err)
}

// restEvents is what one of the call's messages becomes; empty for one that plain HTTP has no use for.
func (a *API) restEvents(c *gin.Context, e mcp.Event) []byte {
	if e.Answer {
		r, p := a.restResult(c, e)
		if p != nil {
			return serverSent(nil, "problem", p.encode())
		}
		var events []byte
		if r.continuation != "" {
			events = serverSent(nil, "continuation", []byte(`{"continuation":"`+r.continuation+`"}`)) // letters and digits
		}
		return serverSent(events, "result", r.body)
	}
	var note struct {
		Method string                    `json:"method"`
		Params map[string]jsontext.Value `json:"params"`
	}
	if json.Unmarshal(e.Data, &note) != nil { // we wrote it
		return nil
	}
	var name string
	switch note.Method {
	case "notifications/progress":
		name = "progress"
		delete(note.Params, "progressToken")
	case "notifications/message":
		name = "log"
	default:
		return nil
	}
	data, err := json.Marshal(note.Params, json.Deterministic(true))
	if err != nil { // JSON that was decoded
		panic(err)
	}
	return serverSent(nil, name, data)
}

// serverSent appends an event. data is one line.
func serverSent(to []byte, name string, data []byte) []byte {
	to = append(to, "event: "+name+"\ndata: "...)
	to = append(to, data...)
	return append(to, "\n\n"...)
}
