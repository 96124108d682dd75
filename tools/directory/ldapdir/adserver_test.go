package ldapdir

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"toolgate/config"
)

// adServer speaks LDAP as Active Directory does, as far as this package asks: capabilities, the rule that follows memberships,
// attributes in parts, primary groups, SIDs, pages and references to other domains. It keeps its entries in adtree_test.go.
type adServer struct {
	*adTree
	listener net.Listener
	serving  sync.WaitGroup

	mu       sync.Mutex
	searches []string // filters asked for, without that of the root entry
	binds    int
	fault    func(operation int) fault // nil: none
	conns    map[net.Conn]bool
}

// fault is how the server treats a request.
type fault int

const (
	noFault fault = iota
	hang          // say nothing until the client goes away
	drop          // close the connection
	halfway       // send an entry, and close the connection
	refuse        // the password is wrong
	busy
	flood // entries larger than anybody wants, without end
)

// serveAD starts a server. Its tree may be changed until the first question.
func serveAD(t *testing.T, c company) *adServer {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &adServer{adTree: newADTree(c), listener: listener, conns: map[net.Conn]bool{}}
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = true
			s.mu.Unlock()
			s.serving.Go(func() {
				s.serve(conn)
				conn.Close()
				s.mu.Lock()
				delete(s.conns, conn)
				s.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.dropAll()
		s.serving.Wait()
	})
	return s
}

func (s *adServer) config() config.LDAP {
	cfg := usual()
	cfg.URI = "ldap://" + s.listener.Addr().String()
	cfg.BindDN, cfg.BindPassword = `CORP\reader`, config.NewSecret(readerPassword)
	return cfg
}

// dropAll closes every connection.
func (s *adServer) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// breakWith decides from now on what happens to requests.
func (s *adServer) breakWith(f func(operation int) fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// asked returns the filters of the searches since the last call.
func (s *adServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.searches
	s.searches = nil
	return asked
}

func (s *adServer) serve(conn net.Conn) {
	for {
		packet, err := ber.ReadPacket(conn)
		if err != nil || len(packet.Children) < 2 {
			return
		}
		id, op := packet.Children[0].Value.(int64), packet.Children[1]
		s.mu.Lock()
		what := noFault
		if s.fault != nil {
			what = s.fault(int(op.Tag))
		}
		if op.Tag == ldap.ApplicationBindRequest {
			s.binds++
		}
		s.mu.Unlock()
		switch what {
		case hang:
			_, _ = io.Copy(io.Discard, conn)
			return
		case drop:
			return
		case halfway:
			send(conn, id, entryMessage("CN=half,"+s.base, nil))
			return
		case flood:
			filler := entryMessage("CN=flood,"+s.base, [][]string{{"description", strings.Repeat("x", 2<<20)}})
			for send(conn, id, filler) {
			}
			return
		case busy:
			send(conn, id, done(op.Tag, ldap.LDAPResultBusy))
			continue
		case refuse:
			send(conn, id, done(op.Tag, ldap.LDAPResultInvalidCredentials))
			continue
		}
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			code := ldap.LDAPResultSuccess
			if op.Children[2].Data.String() != readerPassword {
				code = ldap.LDAPResultInvalidCredentials
			}
			send(conn, id, done(op.Tag, code))
		case ldap.ApplicationSearchRequest:
			s.search(conn, id, op, packet.Children[2:])
		case ldap.ApplicationUnbindRequest:
			return
		default:
			send(conn, id, done(op.Tag, ldap.LDAPResultProtocolError))
		}
	}
}

func (s *adServer) search(conn io.Writer, id int64, op *ber.Packet, controls []*ber.Packet) {
	base, scope := text(op.Children[0]), int(op.Children[1].Value.(int64))
	limit := int(op.Children[3].Value.(int64))
	var attributes []string
	for _, a := range op.Children[7].Children {
		attributes = append(attributes, text(a))
	}
	if base == "" {
		send(conn, id, entryMessage("", s.root))
		send(conn, id, done(op.Tag, ldap.LDAPResultSuccess))
		return
	}
	filter, err := ldap.DecompileFilter(op.Children[6])
	if err != nil {
		send(conn, id, done(op.Tag, ldap.LDAPResultProtocolError))
		return
	}
	s.mu.Lock()
	s.searches = append(s.searches, filter)
	s.mu.Unlock()
	if !under(base, s.base) {
		send(conn, id, done(op.Tag, ldap.LDAPResultReferral))
		return
	}
	found, exists := s.find(base, scope, op.Children[6])
	if !exists {
		send(conn, id, done(op.Tag, ldap.LDAPResultNoSuchObject))
		return
	}
	from, size, paged := page(controls)
	rest := ""
	code := ldap.LDAPResultSuccess
	switch {
	case paged && from+size < len(found):
		found, rest = found[from:from+size], strconv.Itoa(from+size)
	case paged:
		found = found[from:]
	case limit > 0 && len(found) > limit:
		found, code = found[:limit], ldap.LDAPResultSizeLimitExceeded
	}
	for _, e := range found {
		send(conn, id, entryMessage(e.dn, s.shown(e, attributes)))
	}
	if scope == ldap.ScopeWholeSubtree {
		reference := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
		reference.AppendChild(octets("ldap://other.corp.example.com/DC=other,DC=corp,DC=example,DC=com"))
		send(conn, id, reference)
	}
	if !paged {
		send(conn, id, done(op.Tag, code))
		return
	}
	answer := ldap.NewControlPaging(0)
	answer.SetCookie([]byte(rest))
	wrapped := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
	wrapped.AppendChild(answer.Encode())
	send(conn, id, done(op.Tag, code), wrapped)
}

// page is what a request says of pages.
func page(controls []*ber.Packet) (from, size int, paged bool) {
	for _, all := range controls {
		for _, one := range all.Children {
			control, err := ldap.DecodeControl(one)
			if paging, ok := control.(*ldap.ControlPaging); ok && err == nil {
				from, _ = strconv.Atoi(string(paging.Cookie))
				return from, int(paging.PagingSize), true
			}
		}
	}
	return 0, 0, false
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func text(p *ber.Packet) string { return p.Data.String() }

// done is the last message of an answer.
func done(request ber.Tag, code int) *ber.Packet {
	result := ber.Encode(ber.ClassApplication, ber.TypeConstructed, request+1, nil, "")
	if request == ldap.ApplicationSearchRequest {
		result.Tag = ldap.ApplicationSearchResultDone
	}
	result = ber.Encode(ber.ClassApplication, ber.TypeConstructed, result.Tag, nil, "")
	result.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	result.AppendChild(octets(""))
	result.AppendChild(octets("80090308: LdapErr: DSID-0C09044E, comment: dc01.corp.example.com"))
	return result
}

// entryMessage is one entry; each attribute begins with its name.
func entryMessage(dn string, attributes [][]string) *ber.Packet {
	entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	entry.AppendChild(octets(dn))
	all := ber.NewSequence("")
	for _, a := range attributes {
		one := ber.NewSequence("")
		one.AppendChild(octets(a[0]))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a[1:] {
			values.AppendChild(octets(v))
		}
		one.AppendChild(values)
		all.AppendChild(one)
	}
	entry.AppendChild(all)
	return entry
}

// send says whether the client was still there.
func send(w io.Writer, id int64, op ...*ber.Packet) bool {
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	for _, p := range op {
		message.AppendChild(p)
	}
	_, err := w.Write(message.Bytes())
	return err == nil
}

// always treats each request of a kind so.
func always(operation int, what fault) func(int) fault {
	return func(op int) fault {
		if op == operation {
			return what
		}
		return noFault
	}
}

// times treats the first n requests of a kind so.
func times(n, operation int, what fault) func(int) fault {
	return func(op int) fault {
		if op != operation || n == 0 {
			return noFault
		}
		n--
		return what
	}
}

var errGone = errors.New("the client is gone")
