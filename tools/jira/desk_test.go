package jira

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a client of a pack whose Jira is a server of the test.
type desk struct {
	t      *testing.T
	pack   *Pack
	server *mcp.Server
}

func cloudConfig(url string) config.Jira {
	return config.Jira{URL: url, Email: "bot@acme.example", APIToken: config.NewSecret("c10ud-t0ken"), Timeout: 10 * time.Second}
}

func dataCenterConfig(url string) config.Jira {
	return config.Jira{URL: url, PersonalToken: config.NewSecret("pers0nal"), Timeout: 10 * time.Second}
}

// serve starts a server and returns its URL.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func open(t *testing.T, cfg config.Jira) *desk {
	t.Helper()
	p, err := New(cfg, zap.NewNop())
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(p.Close)
	server, err := mcp.NewServer(p.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatalf("NewServer = %v", err)
	}
	return &desk{t, p, server}
}

// result is what a client gets of a call: an answer, or what the model reads of an error.
type result struct {
	Structured json.RawMessage `json:"structuredContent"`
	Content    []struct {
		Text string `json:"text"`
	} `json:"content"`
	IsError bool           `json:"isError"`
	Meta    map[string]any `json:"_meta"`
}

func (d *desk) callWith(credential, tool, arguments string) result {
	d.t.Helper()
	m, fault := mcp.Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, arguments))
	if fault != nil {
		d.t.Fatalf("%s %s: %v", tool, arguments, fault)
	}
	if credential != "" {
		m.On(&mcp.Terms{Credentials: mcp.Credentials{"jira": credential}})
	}
	peer := mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest())
	peer.Initialized = true
	raw := d.server.Answer(d.t.Context(), peer, m)
	var answer struct {
		Result *result         `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Result == nil {
		d.t.Fatalf("%s %s = %s, want a result", tool, arguments, raw)
	}
	return *answer.Result
}

// call makes a call that must succeed and decodes its result.
func (d *desk) call(tool, arguments string, into any) {
	d.t.Helper()
	r := d.callWith("", tool, arguments)
	if r.IsError {
		d.t.Fatalf("%s %s = the error %q, want a result", tool, arguments, r.Content[0].Text)
	}
	if err := json.Unmarshal(r.Structured, into); err != nil {
		d.t.Fatalf("%s %s = %s: %v", tool, arguments, r.Structured, err)
	}
}

// fails makes a call that must not succeed and returns what the model reads.
func (d *desk) fails(tool, arguments string) string {
	d.t.Helper()
	r := d.callWith("", tool, arguments)
	if !r.IsError {
		d.t.Fatalf("%s %s = %s, want an error", tool, arguments, r.Structured)
	}
	return r.Content[0].Text
}

// golden compares got with a file of testdata, or writes that anew.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update to make it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}
