package jira

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"toolgate/mcp"
)

const (
	changePage     = 100
	maxChangePages = 20 // of one issue's history
)

// changelog is what happened to an issue.
type changelog struct {
	Total     int      `json:"total"`
	Histories []change `json:"histories"`
	cut       bool     // there is more than could be read
}

type change struct {
	Created string       `json:"created"`
	Items   []changeItem `json:"items"`
	at      time.Time
}

type changeItem struct {
	Field      string `json:"field"`   // its name
	FieldID    string `json:"fieldId"` // Cloud only
	From       string `json:"from"`
	FromString string `json:"fromString"`
	To         string `json:"to"`
	ToString   string `json:"toString"`
}

// completeChangelog reads what the answer that an issue came with left out of its history, and puts it in order.
func (p *Pack) completeChangelog(ctx context.Context, i *issue) error {
	if i.Changelog == nil {
		i.Changelog = &changelog{cut: true}
	}
	log := i.Changelog
	if log.Total > len(log.Histories) && p.site.cloud {
		if err := p.readChangelog(ctx, i.Key, log); err != nil {
			return err
		}
	}
	log.cut = log.cut || log.Total > len(log.Histories)
	for n := range log.Histories {
		log.Histories[n].at, _ = parseTime(log.Histories[n].Created)
	}
	slices.SortStableFunc(log.Histories, func(a, b change) int { return a.at.Compare(b.at) })
	return nil
}

// readChangelog reads the whole history of an issue. Only Jira Cloud gives it in pages; a Data Center gives all at once.
func (p *Pack) readChangelog(ctx context.Context, key string, log *changelog) error {
	log.Histories = nil
	for range maxChangePages {
		var list struct {
			Values []change `json:"values"`
			IsLast bool     `json:"isLast"`
			Total  int      `json:"total"`
		}
		if err := p.get(ctx, p.site.api("/issue/"+key+"/changelog"), page(len(log.Histories), changePage), &list, noIssue(key)); err != nil {
			return err
		}
		log.Histories = append(log.Histories, list.Values...)
		if log.Total = list.Total; list.IsLast || len(list.Values) == 0 {
			log.Total = len(log.Histories)
			return nil
		}
	}
	return nil
}

// is says whether a change is of a field, by id where Jira tells it, else by name.
func (c changeItem) is(id string, names ...string) bool {
	if c.FieldID != "" && id != "" {
		return c.FieldID == id
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(c.Field, name) })
}

// before is the change that undid what held at a moment: the first one after it, of a field.
func (l *changelog) before(moment time.Time, of func(changeItem) bool) (changeItem, bool) {
	for _, h := range l.Histories {
		if !h.at.After(moment) {
			continue
		}
		for _, item := range h.Items {
			if of(item) {
				return item, true
			}
		}
	}
	return changeItem{}, false
}

// inSprintAt says whether an issue was in a sprint at a moment; now is whether it is in it now.
func (l *changelog) inSprintAt(moment time.Time, id int, field string, now bool) bool {
	item, changed := l.before(moment, func(c changeItem) bool { return c.is(field, "Sprint") })
	if !changed {
		return now
	}
	return lists(item.From, id)
}

// lists says whether a change's text names a sprint among others: "12, 13".
func lists(text string, id int) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }), strconv.Itoa(id))
}

// wasAdded says when an issue last came into a sprint.
func (l *changelog) wasAdded(id int, field string) (time.Time, bool) {
	for n := len(l.Histories) - 1; n >= 0; n-- {
		for _, item := range l.Histories[n].Items {
			if item.is(field, "Sprint") && lists(item.To, id) && !lists(item.From, id) {
				return l.Histories[n].at, true
			}
		}
	}
	return time.Time{}, false
}

// pointsAt is an issue's story points at a moment; now is what they are now.
func (l *changelog) pointsAt(moment time.Time, b *book, now *float64) *float64 {
	item, changed := l.before(moment, func(c changeItem) bool {
		return slices.ContainsFunc(b.points, func(id string) bool { return c.is(id, b.called(id)) })
	})
	if !changed {
		return now
	}
	text := item.FromString
	if text == "" {
		text = item.From
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return sane(n)
}

// called is the name of a field.
func (b *book) called(id string) string {
	for _, f := range b.fields {
		if f.ID == id {
			return f.Name
		}
	}
	return id
}

// state is a status, and whether work in it is done.
type state struct {
	id, name string
	done     bool
	unknown  bool // the status is no longer there, so that nobody knows whether it meant done
}

// statuses are the site's, by id.
type statuses map[string]state

func (p *Pack) statuses(ctx context.Context) (statuses, error) {
	var list []struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Category struct {
			Key string `json:"key"`
		} `json:"statusCategory"`
	}
	if err := p.get(ctx, p.site.api("/status"), nil, &list, "this Jira has no list of statuses"); err != nil {
		return nil, err
	}
	all := statuses{}
	for _, s := range list {
		all[s.ID] = state{id: s.ID, name: s.Name, done: s.Category.Key == "done"}
	}
	return all, nil
}

// statusAt is an issue's status at a moment.
func (l *changelog) statusAt(moment time.Time, f fieldsOf, all statuses) state {
	item, changed := l.before(moment, func(c changeItem) bool { return c.is("status", "status") })
	if changed {
		s, known := all[item.From]
		if !known {
			s = state{id: item.From, unknown: true}
		}
		s.name = item.FromString
		return s
	}
	var current struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Category struct {
			Key string `json:"key"`
		} `json:"statusCategory"`
	}
	if f["status"] == nil || decode(f["status"], &current) != nil {
		return state{unknown: true}
	}
	return state{id: current.ID, name: current.Name, done: current.Category.Key == "done"}
}

// progress tells how many of a report's issues were read.
func progress(c *mcp.Call, n int) {
	c.Progress(float64(n), 0, fmt.Sprintf("read the history of %s", plural(n, "issue")))
}
