package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	manyStreams = 10_000
	atOnce      = 1000 // of them come in one moment, as after a restart
	changes     = 3

	// Within these bounds a stream that comes in a crowd is open, and 99 of 100 streams hear of a change after the first
	// did. They are wide, for machines that do something else besides.
	crowdBound = 5 * time.Second
	fanBound   = 3 * time.Second
)

// TestManyStreams: thousands of streams open, a thousand in one moment; each hears of every change once, in order, and all
// about as soon as the first.
func TestManyStreams(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "toolgate.yaml")
	write := func(toolsets string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("tools: {toolsets: ["+toolsets+"]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("text")
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Dir = t.TempDir()
	s := launch(t, cmd, "TOOLGATE_LIMITS_RATES_ADDRESS=off", "TOOLGATE_LIMITS_SESSIONS_PER_ADDRESS=100000")

	heard := make([]chan time.Time, manyStreams) // when each heard of a change
	conns := make([]net.Conn, manyStreams)
	var reading sync.WaitGroup
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
		reading.Wait()
	})
	faults := make(chan error, manyStreams)
	for first := 0; first < manyStreams; first += atOnce {
		var opening sync.WaitGroup
		began := time.Now()
		for i := first; i < first+atOnce; i++ {
			opening.Go(func() {
				conn, lines, err := listen(s.port, "")
				if err != nil {
					faults <- err
					return
				}
				conns[i], heard[i] = conn, make(chan time.Time, changes+1)
				reading.Go(func() {
					for lines.Scan() {
						if strings.Contains(lines.Text(), "tools/list_changed") {
							heard[i] <- time.Now()
						}
					}
				})
			})
		}
		opening.Wait()
		if took := time.Since(began); took > crowdBound {
			t.Errorf("%d streams that came at once were open after %v, want %v", atOnce, took, crowdBound)
		}
	}
	if len(faults) > 0 {
		t.Fatalf("%d of %d streams did not open: %v", len(faults), manyStreams, <-faults)
	}

	for change := range changes {
		write([]string{"text, directory", "text"}[change%2])
		times := make([]time.Time, manyStreams)
		late := time.After(patience)
		for i := range heard {
			select {
			case times[i] = <-heard[i]:
			case <-late:
				t.Fatalf("stream %d has not heard of change %d in %v", i, change+1, patience)
			}
		}
		slices.SortFunc(times, time.Time.Compare)
		spread := times[len(times)*99/100].Sub(times[0])
		t.Logf("change %d: p99 of %d streams %v after the first", change+1, manyStreams, spread)
		if spread > fanBound {
			t.Errorf("change %d: 99 of 100 streams heard of it %v after the first, want %v", change+1, spread, fanBound)
		}
	}
	for i := range heard {
		if n := len(heard[i]); n > 0 {
			t.Fatalf("stream %d heard %d times more than there were changes", i, n)
		}
	}
}

// listen opens a stream of changes, past its acknowledgement, with a key or without.
func listen(port, key string) (net.Conn, *bufio.Scanner, error) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"many","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	body := `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + meta + `}}`
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, patience)
	if err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(10 * patience)); err != nil {
		return nil, nil, err
	}
	if key != "" {
		key = "Authorization: Bearer " + key + "\r\n"
	}
	_, err = fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"+
		"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\n%sContent-Length: %d\r\n\r\n%s", key, len(body), body)
	if err != nil {
		return nil, nil, err
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 512), 4096)
	said := ""
	for lines.Scan() {
		if said = lines.Text(); strings.Contains(said, "subscriptions/acknowledged") {
			return conn, lines, nil
		}
	}
	return nil, nil, fmt.Errorf("the stream ended after %q: %w", said, lines.Err())
}
