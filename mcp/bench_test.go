package mcp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const callAdd = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2},"_meta":{"progressToken":1}}}`

func BenchmarkDecode(b *testing.B) {
	body := []byte(callAdd)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, fault := Decode(body); fault != nil {
			b.Fatal(fault)
		}
	}
}

func BenchmarkDecodeMegabyte(b *testing.B) {
	body := []byte(callOf(1, "echo", `,"arguments":{"text":"`+strings.Repeat("0123456789abcdef", 1<<16)+`"}`))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, fault := Decode(body); fault != nil {
			b.Fatal(fault)
		}
	}
}

// benchSession is an idle, initialized session without an observer.
func benchSession(b *testing.B) (*Registry, *Stream) {
	b.Helper()
	server := newServer(b, newYard().features(), Options{})
	registry, err := NewRegistry(server, RegistryOptions{Inbox: 64, OutboxEvents: 256, OutboxBytes: 8 << 20, Calls: 32})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := registry.Close(b.Context()); err != nil {
			b.Error(err)
		}
	})
	st, err := registry.Open(OpenOptions{Principal: Anonymous(), Revision: Newest()})
	if err != nil {
		b.Fatal(err)
	}
	return registry, st
}

// roundTrips delivers one message again and again, and takes its answer.
func roundTrips(b *testing.B, body []byte) {
	b.Helper()
	registry, st := benchSession(b)
	who := Anonymous()
	var events []Event
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		m, fault := Decode(body)
		if fault != nil {
			b.Fatal(fault)
		}
		if err := registry.Deliver(st.SessionID(), who, m, nil); err != nil {
			b.Fatal(err)
		}
		for events = events[:0]; len(events) == 0; {
			<-st.Ready()
			events = st.Take(events)
		}
	}
}

func BenchmarkPing(b *testing.B) { roundTrips(b, []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)) }

func BenchmarkCall(b *testing.B) {
	roundTrips(b, []byte(callOf(1, "add", `,"arguments":{"a":1,"b":2}`)))
}

func BenchmarkCallMegabyte(b *testing.B) {
	roundTrips(b, []byte(callOf(1, "echo", `,"arguments":{"text":"`+strings.Repeat("0123456789abcdef", 1<<16)+`"}`)))
}

func BenchmarkListTools(b *testing.B) {
	roundTrips(b, []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
}

func BenchmarkTake(b *testing.B) {
	_, st := benchSession(b)
	event := []byte(`{"jsonrpc":"2.0","id":1,"result":{}}`)
	var events []Event
	b.ReportAllocs()
	for b.Loop() {
		st.out.put(event)
		events = st.Take(events[:0])
	}
}

const crowd = 10_000 // sessions

func BenchmarkBroadcast(b *testing.B) {
	server := newServer(b, newYard().features(), Options{})
	registry, streams := crowded(b, server)
	var events []Event
	b.ReportAllocs()
	for b.Loop() {
		registry.broadcast(change{method: "notifications/tools/list_changed"})
		b.StopTimer()
		for _, st := range streams {
			if events = st.Take(events[:0]); len(events) != 1 {
				b.Fatalf("%d events", len(events))
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/crowd, "ns/session")
}

func crowded(b *testing.B, server *Server) (*Registry, []*Stream) {
	b.Helper()
	registry, err := NewRegistry(server, RegistryOptions{Inbox: 64, OutboxEvents: 256, OutboxBytes: 1 << 20, Calls: 32})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := registry.Close(b.Context()); err != nil {
			b.Error(err)
		}
	})
	streams := make([]*Stream, crowd)
	for i := range streams {
		st, err := registry.Open(OpenOptions{Principal: Anonymous(), Addr: fmt.Sprintf("192.0.2.%d", i%256)})
		if err != nil {
			b.Fatal(err)
		}
		hello, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"acme","version":"3"}}}`))
		if err := registry.Deliver(st.SessionID(), Anonymous(), hello, nil); err != nil {
			b.Fatal(err)
		}
		<-st.Ready()
		st.Take(nil)
		streams[i] = st
	}
	return registry, streams
}

// BenchmarkIdleSession says what a session weighs that is initialized and has nothing to do.
func BenchmarkIdleSession(b *testing.B) {
	server := newServer(b, newYard().features(), Options{})
	for b.Loop() {
		before := heap()
		_, streams := crowded(b, server)
		b.ReportMetric(float64(heap()-before)/crowd, "B/session")
		runtime.KeepAlive(streams)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
