package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a DNS server on this machine. Each question for the address of a name gets the name's next answer, the last one
// again and again.
type names struct {
	conn net.PacketConn
	done sync.WaitGroup

	mu      sync.Mutex
	answers map[string][][]netip.Addr
}

func newNames(t *testing.T, answers map[string][][]netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	n := &names{conn: conn, answers: answers}
	n.done.Go(n.serve)
	t.Cleanup(func() {
		conn.Close()
		n.done.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
		if q.Type == dnsmessage.TypeA {
			for _, a := range n.next(strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))) {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: a.As4()},
				})
			}
		}
		packed, err := m.Pack()
		if err == nil {
			_, _ = n.conn.WriteTo(packed, from)
		}
	}
}

func (n *names) next(name string) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	left := n.answers[name]
	if len(left) == 0 {
		return nil
	}
	if len(left) > 1 {
		n.answers[name] = left[1:]
	}
	return left[0]
}

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// errStop keeps tests from connecting to the public Internet.
var errStop = errors.New("let through, and stopped by the test")

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resolver := newNames(t, map[string][][]netip.Addr{
		"inside.example":   {addrs("127.0.0.1")},
		"metadata.example": {addrs("169.254.169.254")},
	})
	for _, host := range []string{
		"169.254.169.254", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "127.0.0.1", "127.0.0.1.", "2130706433", "0x7f000001",
		"127.1", "0177.0.0.1", "[::1]", "[::]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00:ec2::254]", "10.0.0.1",
		"inside.example", "INSIDE.example.", "metadata.example", "１２７.0.0.1",
	} {
		t.Run(host, func(t *testing.T) {
			c := made(t, Options{Name: "Jira", BaseURL: "http://" + host + ":" + port}, wires{resolver: resolver})
			_, err := c.Do(t.Context(), Request{})
			e := wantError(t, err, 0, ErrRefused)
			if text := e.Error(); strings.Contains(text, "127.0.0.1") || strings.Contains(text, host) {
				t.Errorf("the text %q tells an address", text)
			}
		})
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the server on this machine was asked %d times, want 0", n)
	}
}

func TestNameWhoseAddressChangesFindsNoGap(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var reached []string
	c := made(t, Options{Name: "Jira", BaseURL: "http://rebind.example:" + port, Retries: -1}, wires{
		resolver: newNames(t, map[string][][]netip.Addr{"rebind.example": {
			addrs("93.184.215.14"), addrs("127.0.0.1"), addrs("93.184.215.14", "127.0.0.1"),
		}}),
		reached: func(address string) error {
			reached = append(reached, address)
			return errStop
		},
	})
	_, err = c.Do(t.Context(), Request{})
	wantError(t, err, 0, errStop)
	_, err = c.Do(t.Context(), Request{})
	wantError(t, err, 0, ErrRefused)
	_, err = c.Do(t.Context(), Request{})
	wantError(t, err, 0, nil)
	for _, address := range reached {
		if address != "93.184.215.14:"+port {
			t.Errorf("connected to %s, want the public address alone", address)
		}
	}
	if len(reached) != 2 || asked.Load() != 0 {
		t.Errorf("let through %d times, the server was asked %d times; want 2 and 0", len(reached), asked.Load())
	}
}

func TestPrivateNamesWhatMayBeAsked(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resolver := newNames(t, map[string][][]netip.Addr{
		"inside.example":   {addrs("127.0.0.1")},
		"metadata.example": {addrs("169.254.169.254")},
	})
	for _, test := range []struct {
		name, host, private string
		want                error // nil: answered
	}{
		{"an address", "127.0.0.1", "127.0.0.1", nil},
		{"an address and its port", "127.0.0.1", "127.0.0.1:" + port, nil},
		{"an address and another port", "127.0.0.1", "127.0.0.1:1", ErrRefused},
		{"a name", "inside.example", "Inside.Example", nil},
		{"the address of a name", "inside.example", "127.0.0.1", ErrRefused},
		{"a name that leads to credentials", "metadata.example", "metadata.example", ErrRefused},
		{"a name that leads to credentials, and their address", "metadata.example", "169.254.169.254", ErrRefused},
		{"another name", "inside.example", "outside.example", ErrRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := made(t, Options{Name: "Jira", BaseURL: "http://" + test.host + ":" + port, Private: []string{test.private}},
				wires{resolver: resolver})
			_, err := c.Do(t.Context(), Request{})
			if test.want == nil && err != nil {
				t.Errorf("error = %v, want none", err)
			}
			if test.want != nil {
				wantError(t, err, 0, test.want)
			}
		})
	}
}

func TestAddressOfCredentialsMayBeNamedItself(t *testing.T) {
	d := &dialer{}
	if err := d.check("169.254.169.254", "80", "tcp4", "169.254.169.254:80"); !errors.Is(err, ErrRefused) {
		t.Errorf("unnamed: %v, want %v", err, ErrRefused)
	}
	d.private, _ = parseHosts([]string{"169.254.169.254"}, false)
	if err := d.check("169.254.169.254", "80", "tcp4", "169.254.169.254:80"); err != nil {
		t.Errorf("named: %v, want none", err)
	}
	if err := d.check("169.254.169.254", "80", "unix", "/run/x"); !errors.Is(err, ErrRefused) {
		t.Errorf("no TCP: %v, want %v", err, ErrRefused)
	}
}

// A test that sets the environment would prove nothing: net/http reads it once a process.
func TestProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	c := made(t, Options{Name: "Jira", BaseURL: "https://jira.example"}, wires{})
	if c.transport.Proxy != nil {
		t.Error("the transport asks for a proxy, want none")
	}
}
