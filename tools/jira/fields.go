package jira

import (
	"context"
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"go.uber.org/zap"

	"toolgate/mcp"
	"toolgate/tools/internal/egress"
	"toolgate/tools/internal/near"
)

const (
	bookLife  = 10 * time.Minute // fields are seldom added
	maxBooks  = 64               // one for each credential: not everybody sees every field
	maxFields = 20               // that a call may ask for by name
)

// field is one of the fields that issues have on this site.
type field struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Untranslated string   `json:"untranslatedName"`
	ClauseNames  []string `json:"clauseNames"`
	Schema       struct {
		Type   string `json:"type"`
		Custom string `json:"custom"`
	} `json:"schema"`
}

// called says whether a name is one of the field's, whatever its case.
func (f field) called(name string) bool {
	return strings.EqualFold(f.ID, name) || strings.EqualFold(f.Name, name) || strings.EqualFold(f.Untranslated, name) ||
		slices.ContainsFunc(f.ClauseNames, func(c string) bool { return strings.EqualFold(c, name) })
}

// book is the fields of the site as one credential sees them, and which of them hold what the tools show of every issue.
type book struct {
	fields []field
	points []string // ids; the first that an issue has a value in holds its story points
	sprint string   // id; empty where the site has no sprints
	epic   string   // id; of Data Centers, whose parents are in two fields
}

const (
	sprintType = "com.pyxis.greenhopper.jira:gh-sprint"
	epicType   = "com.pyxis.greenhopper.jira:gh-epic-link"
	pointsType = "com.pyxis.greenhopper.jira:jsw-story-points"
)

func newBook(fields []field, points string) *book {
	b := &book{fields: fields}
	for _, f := range fields {
		switch f.Schema.Custom {
		case sprintType:
			b.sprint = f.ID
		case epicType:
			b.epic = f.ID
		}
		if points == "" && (f.Schema.Custom == pointsType ||
			f.Schema.Type == "number" && (f.called("Story Points") || f.called("Story point estimate"))) {
			b.points = append(b.points, f.ID)
		}
	}
	if points != "" {
		b.points = []string{points}
		if i := slices.IndexFunc(fields, func(f field) bool { return f.called(points) }); i >= 0 {
			b.points[0] = fields[i].ID
		}
	}
	return b
}

// books keeps a book for each credential, for a while. The zero value is ready.
type books struct {
	mu   sync.Mutex
	kept *simplelru.LRU[[sha256.Size]byte, keptBook]
}

type keptBook struct {
	*book
	until time.Time
}

// fieldBook is the fields as the call's credential sees them.
func (p *Pack) fieldBook(ctx context.Context) (*book, error) {
	who := sha256.Sum256([]byte(egress.Caller(ctx)))
	p.books.mu.Lock()
	if p.books.kept == nil {
		p.books.kept, _ = simplelru.NewLRU[[sha256.Size]byte, keptBook](maxBooks, nil) // fails for sizes below 1 only
	}
	kept, ok := p.books.kept.Get(who)
	p.books.mu.Unlock()
	if ok && time.Now().Before(kept.until) {
		return kept.book, nil
	}
	var fields []field
	if err := p.get(ctx, p.site.api("/field"), nil, &fields, "this Jira has no list of fields"); err != nil {
		return nil, err
	}
	b := newBook(fields, p.cfg.StoryPoints)
	p.books.mu.Lock()
	p.books.kept.Add(who, keptBook{b, time.Now().Add(bookLife)})
	p.books.mu.Unlock()
	return b, nil
}

// knownFields is the fields, or where they cannot be had what does without.
func (p *Pack) knownFields(ctx context.Context) *book {
	b, err := p.fieldBook(ctx)
	if err != nil {
		p.log.Debug("the fields of Jira cannot be listed", zap.Error(err))
		return newBook(nil, p.cfg.StoryPoints)
	}
	return b
}

// asked is a field that a call asked for beside those that are always shown.
type asked struct {
	name string // as the call has it
	id   string
}

// fieldID is what a field has for an id, without a list to look it up in.
var fieldID = regexp.MustCompile(`^(customfield_[0-9]+|[a-z][A-Za-z]*)$`)

// resolve finds the fields that a call names, by id or by name.
func (b *book) resolve(names []string) ([]asked, error) {
	if len(names) > maxFields {
		return nil, mcp.ToolErrorf("%d fields are too many: at most %d at once", len(names), maxFields)
	}
	var found []asked
	for _, name := range names {
		name = strings.TrimSpace(name)
		id, err := b.find(name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(a asked) bool { return a.id == id }) {
			found = append(found, asked{name, id})
		}
	}
	return found, nil
}

func (b *book) find(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, "*") || strings.HasPrefix(name, "-") {
		return "", mcp.ToolErrorf("%q is no field: name fields one by one", name)
	}
	var matches []string
	for _, f := range b.fields {
		if f.ID == name {
			return name, nil
		}
		if f.called(name) {
			matches = append(matches, f.ID)
		}
	}
	switch {
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		return "", mcp.ToolErrorf("%d fields are called %q: name one by its id, %s", len(matches), name, strings.Join(matches[:min(5, len(matches))], ", "))
	case len(b.fields) == 0 && fieldID.MatchString(name):
		return name, nil
	case len(b.fields) == 0:
		return "", mcp.ToolErrorf("the fields of this Jira cannot be listed with this credential: name %q by its id, such as customfield_10016", name)
	}
	var names []string
	for _, f := range b.fields {
		names = append(names, f.Name)
	}
	if nearest := near.Names(name, names, 3); len(nearest) > 0 {
		return "", mcp.ToolErrorf("there is no field %q; did you mean %s?", name, strings.Join(nearest, ", "))
	}
	return "", mcp.ToolErrorf("there is no field %q", name)
}
