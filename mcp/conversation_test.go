package mcp

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"
)

// TestConversations plays the scripts of testdata: a txtar archive a subject, a file of it a behaviour. A script's lines:
//
//	# a comment
//	server page=2 …             the settings, before anything else: features, page, inbox, calls, result, mode
//	NAME+ REVISION {…}          a client says hello, with these capabilities; what it is answered is not shown.
//	                            One of 2026-07-28 says nothing: its capabilities go into the META of each request
//	NAME> {…}                   a client sends; NAME, which may be missing, is its session and its principal
//	NAME< {…}                   the next event it gets, every byte of it; * stands for anything
//	NAME! {…}, NAME! busy       the way in refuses what it sent: with that answer, or for that reason
//	?REVISION {…}               a request without a session
//	= {…}, = nothing            its answer
//	do SOMETHING                what happens on our side: see (*script).act
//	wait 5s                     time passes
//
// Secrets are folded into words (folds). An event that no line expects is a failure. Run with -update, the test writes what it got into the scripts.
func TestConversations(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range archive.Files {
			behaviour := &archive.Files[i]
			name := strings.TrimSuffix(filepath.Base(path), ".txtar") + "/" + behaviour.Name
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &script{t: t, folds: newFolds(), clients: map[string]*client{}, visitors: map[string]*visitor{}}
					s.play(string(behaviour.Data))
					behaviour.Data = []byte(strings.Join(s.played, "\n") + "\n")
				})
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var update = flag.Bool("update", false, "write what the conversations gave into their scripts")

type script struct {
	*folds
	t        *testing.T
	w        *world
	clients  map[string]*client
	visitors map[string]*visitor
	refused  map[string]string // by client: how the last message was refused
	answer   string            // to the last request without a session
	played   []string
}

var scriptLine = regexp.MustCompile(`^([a-z0-9]*)([><!+?=])(.*)$`)

func (s *script) play(text string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var set settings
	if words := strings.Fields(lines[0]); words[0] == "server" {
		set = s.settings(words[1:])
	}
	s.w = newWorld(s.t, set)
	s.refused = map[string]string{}
	for _, line := range lines {
		if line = s.step(line); line != "" {
			s.played = append(s.played, line)
		}
	}
	s.nothingMore()
	for _, v := range s.visitors {
		v.leave()
	}
	s.w.server.EndTasks(s.t.Context())
}

func (s *script) settings(words []string) (set settings) {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(value)
		switch key {
		case "features":
			set.Features, err = featuresNamed(value), nil
		case "mode":
			set.ContentMode, err = ContentMode(value), nil
		case "page":
			set.PageSize = n
		case "inbox":
			set.Inbox = n
		case "calls":
			set.RegistryOptions.Calls = n
		case "result":
			set.MaxResult = n
		default:
			err = errors.New("no such setting")
		}
		if err != nil {
			s.t.Fatalf("server %s: %v", word, err)
		}
	}
	return set
}

// featuresNamed are the features of a world: one tool for what shows tools whole, and none at all.
func featuresNamed(name string) func(*yard) Features {
	return map[string]func(*yard) Features{
		"add":     func(*yard) Features { return Features{Tools: []*Tool{addTool()}} },
		"none":    func(*yard) Features { return Features{} },
		"askers":  askers,
		"workers": workers,
		"skills":  skilled,
	}[name]
}

// step plays one line, and gives it back as it should have been.
func (s *script) step(line string) string {
	parts := scriptLine.FindStringSubmatch(line)
	if line == "" || line[0] == '#' || parts == nil {
		s.command(line)
		return line
	}
	name, rest := parts[1], strings.TrimSpace(parts[3])
	switch parts[2] {
	case "<":
		got, waiting := "", s.waiting(name)
		if len(*waiting) > 0 {
			got, *waiting = (*waiting)[0], (*waiting)[1:]
		}
		return s.expect(name+"<", rest, got)
	case "!":
		got := s.refused[name]
		delete(s.refused, name)
		return s.expect(name+"!", rest, got)
	case "=":
		got := s.answer
		s.answer = ""
		return s.expect("=", rest, got)
	}
	s.nothingMore()
	switch parts[2] {
	case "+":
		s.hello(name, rest)
	case ">":
		s.send(name, s.unfold(rest))
	case "?":
		s.ask(rest)
	}
	s.settle()
	return line
}

func (s *script) command(line string) {
	s.nothingMore()
	words := strings.Fields(line)
	if len(words) == 0 || words[0] == "server" || line[0] == '#' {
		return
	}
	switch words[0] {
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		advance(d)
	case "do":
		s.act(strings.Join(words[1:], " "))
	default:
		s.t.Fatalf("no such line: %s", line)
	}
	s.settle()
}

// act makes something happen on the server's side.
func (s *script) act(what string) {
	f := s.w.server.catalog.Load().Features
	f.Tools = f.Tools[:len(f.Tools)-1] // without our own, which is always there
	switch what {
	case "let go":
		select {
		case s.w.gate <- struct{}{}:
		default:
			s.t.Error("no tool waits to be let go")
		}
		return
	case "touch notes://one", "touch notes://two":
		s.w.server.ResourceUpdated(strings.TrimPrefix(what, "touch "))
		return
	case "close":
		s.w.server.Close(s.t.Context())
		return
	case "set the same features":
	case "take a tool away":
		f.Tools = f.Tools[1:]
	case "take a resource away":
		f.Resources = f.Resources[1:]
	case "take a prompt away":
		f.Prompts = f.Prompts[1:]
	default:
		s.t.Fatalf("no such happening: %s", what)
	}
	if err := s.w.server.SetFeatures(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) client(name string) *client {
	c := s.clients[name]
	if c == nil {
		c = s.w.open(OpenOptions{Principal: principals(name), Wire: WireLocal})
		s.clients[name] = c
	}
	return c
}

// waiting are the events that a client has and no line has named.
func (s *script) waiting(name string) *[]string {
	if v := s.visitors[name]; v != nil {
		return &v.waiting
	}
	return &s.client(name).waiting
}

func (s *script) hello(name, rest string) {
	revision, capabilities, _ := strings.Cut(rest, " ")
	if capabilities == "" {
		capabilities = "{}"
	}
	if revision == Stateless().Name {
		s.visitors[name] = s.w.visit(principals(name), capabilities)
		return
	}
	c := s.client(name)
	c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":%q,`+
		`"capabilities":%s,"clientInfo":{"name":"acme","version":"3"}}}`, revision, capabilities))
	if got := c.settled(); len(got) != 1 || !strings.Contains(got[0], `"protocolVersion":"`+revision+`"`) {
		s.t.Fatalf("initialize: got %v", got)
	}
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

// send does what a way in does with a body.
func (s *script) send(name, text string) {
	if v := s.visitors[name]; v != nil {
		if refused := v.send(text); refused != "" {
			s.refused[name] = refused
		}
		return
	}
	c := s.client(name)
	m, fault := Decode([]byte(text))
	if fault != nil {
		s.refused[name] = string(AppendError(nil, m.ID, fault))
		return
	}
	err := s.w.registry.Deliver(c.id(), c.principal, m, nil)
	var refused *Error
	switch {
	case err == nil:
	case errors.As(err, &refused):
		s.refused[name] = string(AppendError(nil, m.ID, refused))
	case errors.Is(err, ErrBusy):
		s.refused[name] = "busy"
	default:
		s.refused[name] = err.Error()
	}
}

func (s *script) ask(rest string) {
	name, text, _ := strings.Cut(rest, " ")
	revision, ok := RevisionNamed(name)
	if !ok {
		s.t.Fatalf("no such revision: %s", name)
	}
	m, fault := Decode([]byte(text))
	if fault != nil {
		s.t.Fatal(fault)
	}
	answer := s.w.server.Answer(s.t.Context(), NewPeer(Anonymous(), "", WireLocal, revision), m)
	if s.answer = string(answer); answer == nil {
		s.answer = "nothing"
	}
}

// settle takes what every client got.
func (s *script) settle() {
	synctest.Wait()
	for _, c := range s.clients {
		c.take()
	}
	for _, v := range s.visitors {
		v.take()
	}
}

// expect compares, and gives the line as it should be.
func (s *script) expect(head, want, got string) string {
	got = s.fold(got, s.w.server.meta)
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), `\*`, ".*") + "$"
	if got != "" && regexp.MustCompile(pattern).MatchString(got) {
		return head + " " + want
	}
	if !*update {
		s.t.Errorf("%s\n got %s\nwant %s", head, got, want)
	} else if got == "" {
		return ""
	}
	return head + " " + got
}

// nothingMore demands that every event, answer and refusal was expected.
func (s *script) nothingMore() {
	for _, name := range slices.Sorted(maps.Keys(s.names())) {
		waiting := s.waiting(name)
		for _, event := range *waiting {
			s.unexpected(name+"<", event)
		}
		*waiting = nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.refused)) {
		s.unexpected(name+"!", s.refused[name])
	}
	if clear(s.refused); s.answer != "" {
		s.unexpected("=", s.answer)
		s.answer = ""
	}
}

// names are those of every client there is.
func (s *script) names() map[string]bool {
	names := map[string]bool{}
	for name := range s.clients {
		names[name] = true
	}
	for name := range s.visitors {
		names[name] = true
	}
	return names
}

func (s *script) unexpected(head, got string) {
	got = s.fold(got, s.w.server.meta)
	if *update {
		s.played = append(s.played, head+" "+got)
		return
	}
	s.t.Errorf("not expected: %s %s", head, got)
}
