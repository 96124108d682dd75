package handlers

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the transcripts gave into their files")

// digest is a SHA-256, which is another whenever a tool is.
var digest = regexp.MustCompile(`"[0-9a-f]{64}"`)

// TestTranscripts plays the files of testdata/transcripts, each a txtar archive whose files are steps in order:
//
//	NAME: METHOD TARGET   a request: headers, an empty line, the body. GET /sse opens the stream NAME
//	answer                what was answered to it: status, headers, body, every byte
//	NAME event            the next event on the stream, every byte
//	NAME end              the stream ends
//
// {sha256} stands for any digest. {id} is the id of the session opened last, {dashed} the same written like a UUID. Each runs in a bubble, where it is
// midnight on 1 January 2000, against a server with the default configuration but for the rate limits, whose headers
// would be everywhere. Run with -update, the test writes what it got into the files.
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/transcripts/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &transcript{t: t, w: newWorld(t, unlimited), streams: map[string]*stream{}}
				for i := range archive.Files {
					p.step(&archive.Files[i])
				}
			})
		})
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type transcript struct {
	t       *testing.T
	w       *world
	streams map[string]*stream
	id      string
	heard   []string // events of the last stream opened that were read ahead: its endpoint
	answer  string
}

func (p *transcript) step(f *txtar.File) {
	p.t.Helper()
	name, rest, found := strings.Cut(f.Name, ": ")
	if found {
		method, target, _ := strings.Cut(rest, " ")
		p.request(name, method, p.fill(target), string(f.Data))
		return
	}
	switch name, what, _ := strings.Cut(f.Name, " "); what {
	case "":
		p.want(f, p.answer)
	case "event":
		p.want(f, p.event(name))
	case "end":
		p.stream(name).wantEnd()
	default:
		p.t.Fatalf("%s: no such step", f.Name)
	}
}

func (p *transcript) request(name, method, target, text string) {
	p.t.Helper()
	head, body, _ := strings.Cut(p.fill(text), "\n\n")
	if text != "" && text[0] == '\n' {
		head, body = "", p.fill(text[1:])
	}
	var headers []string
	if head = strings.TrimSpace(head); head != "" {
		headers = strings.Split(head, "\n")
	}
	path, _, _ := strings.Cut(target, "?")
	if method == http.MethodGet && strings.TrimSuffix(path, "/") == "/sse" {
		s := p.w.open(target, headers...)
		p.streams[name] = s
		p.id, _, _ = strings.Cut(s.last, ".")
		p.heard = []string{"event: endpoint\ndata: " + s.endpoint + "\nid: " + s.last + "\n\n"}
		p.answer = p.show(http.StatusOK, s.header, "")
		return
	}
	got := p.w.do(method, target, strings.TrimSuffix(body, "\n"), headers...)
	p.answer = p.show(got.status, got.header, got.body)
}

func (p *transcript) stream(name string) *stream {
	p.t.Helper()
	s := p.streams[name]
	if s == nil {
		p.t.Fatalf("no stream %s was opened", name)
	}
	return s
}

func (p *transcript) event(name string) string {
	p.t.Helper()
	if len(p.heard) > 0 {
		frame := p.heard[0]
		p.heard = nil
		return p.mask(frame)
	}
	frame, err := p.stream(name).frame()
	if err != nil {
		p.t.Fatalf("%s: %v after %q", name, err, frame)
	}
	return p.mask(frame)
}

// show writes an answer as it stands on the wire, with its headers in order and without those that differ each time.
func (p *transcript) show(status int, header http.Header, body string) string {
	lines := []string{fmt.Sprint(status)}
	for name, values := range header {
		if name != "Date" && name != "X-Request-Id" && name != "Content-Length" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines[1:])
	if body != "" {
		lines = append(lines, "", strings.TrimSuffix(body, "\n"))
	}
	return p.mask(strings.Join(lines, "\n") + "\n")
}

func (p *transcript) want(f *txtar.File, got string) {
	p.t.Helper()
	if *update {
		f.Data = []byte(got)
		return
	}
	if diff := cmp.Diff(string(f.Data), got); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", f.Name, diff)
	}
}

func (p *transcript) fill(text string) string {
	if p.id == "" {
		return text
	}
	return strings.NewReplacer("{id}", p.id, "{dashed}", dashed(p.id)).Replace(text)
}

func (p *transcript) mask(text string) string {
	if p.id == "" {
		return text
	}
	return digest.ReplaceAllString(strings.ReplaceAll(text, p.id, "{id}"), `"{sha256}"`)
}

// dashed writes an id like a UUID.
func dashed(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}
