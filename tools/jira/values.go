package jira

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/tools/internal/clip"
)

const (
	maxDepth  = 4       // of what is shown of a field's value
	maxItems  = 50      // of a list in a field
	maxString = 4 << 10 // bytes of a text in a field

	maxEstimate = 1e9 // points, or seconds; more is no estimate, and many of them still have a sum
)

// fieldsOf is an issue's fields by their ids. Each is read by itself, so that one of an unknown shape costs itself only.
type fieldsOf map[string]jsontext.Value

func (f fieldsOf) text(id string) string {
	var s string
	if f[id] == nil || decode(f[id], &s) != nil {
		return ""
	}
	return s
}

// name is what people call a user, status, type, priority, resolution or project.
func (f fieldsOf) name(id string) string {
	var named struct {
		DisplayName string `json:"displayName"`
		Name        string `json:"name"`
		Value       string `json:"value"`
	}
	if f[id] == nil || decode(f[id], &named) != nil {
		return ""
	}
	for _, text := range []string{named.DisplayName, named.Name, named.Value} {
		if text != "" {
			return text
		}
	}
	return ""
}

func (f fieldsOf) names(id string) []string {
	var many []jsontext.Value
	if f[id] == nil || decode(f[id], &many) != nil {
		return nil
	}
	var names []string
	for _, one := range many {
		single := fieldsOf{"": one}
		if name := single.name(""); name != "" {
			names = append(names, name)
		} else if text := single.text(""); text != "" {
			names = append(names, text)
		}
	}
	return names
}

// number is the first of the fields that holds one that can be an estimate.
func (f fieldsOf) number(ids []string) *float64 {
	for _, id := range ids {
		var n *float64
		if f[id] == nil || decode(f[id], &n) != nil || n == nil {
			continue
		}
		if estimate := sane(*n); estimate != nil {
			return estimate
		}
	}
	return nil
}

// sane is a number that can be an estimate; nil where it cannot, and would make a sum that is no number or that no JSON
// holds.
func sane(n float64) *float64 {
	if math.IsNaN(n) || math.Abs(n) > maxEstimate {
		return nil
	}
	return &n
}

func (f fieldsOf) date(id string) string { return isoDate(f.text(id)) }

// isoDate writes a time as Jira has it, in one of several ways, in UTC as RFC 3339 has it. Anything else stays as it is.
func isoDate(text string) string {
	if at, ok := parseTime(text); ok {
		return at.UTC().Format(time.RFC3339)
	}
	return text
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05.999999999-0700"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// sprintText is a sprint as a Data Center writes it: a Java object's text.
var sprintText = regexp.MustCompile(`^com\.atlassian\.greenhopper\.service\.sprint\.Sprint@[0-9a-f]+\[(.*)\]$`)

// sprintNames are the sprints in an issue's sprint field, the newest last.
func (f fieldsOf) sprintNames(id string) []string {
	var many []jsontext.Value
	if id == "" || f[id] == nil || decode(f[id], &many) != nil {
		return nil
	}
	var names []string
	for _, one := range many {
		single := fieldsOf{"": one}
		name := single.name("")
		if name == "" {
			name = javaName(single.text(""))
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// javaName is the name in a sprint's Java text. A name may hold anything, so it goes on to the next key that follows it.
func javaName(text string) string {
	parts := sprintText.FindStringSubmatch(text)
	if parts == nil {
		return ""
	}
	_, rest, found := strings.Cut(","+parts[1], ",name=")
	if !found {
		return ""
	}
	for _, next := range []string{",goal=", ",startDate=", ",endDate="} {
		if name, _, found := strings.Cut(rest, next); found {
			rest = name
		}
	}
	return rest
}

// plain is a field's value without what is of no use to a reader: ids, icons, links to itself. nil is nothing. Issues in it
// that may not be seen are left out.
func (p *Pack) plain(value jsontext.Value) any {
	var v any
	if value == nil || decode(value, &v) != nil {
		return nil
	}
	return p.plainValue(v, maxDepth)
}

func (p *Pack) plainValue(v any, depth int) any {
	switch v := v.(type) {
	case string:
		if name := javaName(v); name != "" {
			return name
		}
		if v == "" || issueKey.MatchString(v) && !p.allow.issue(v) {
			return nil
		}
		return clip.To(isoDate(v), maxString)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return v
	case bool:
		return v
	case []any:
		var list []any
		for _, one := range v[:min(len(v), maxItems)] {
			if short := p.plainValue(one, depth); short != nil {
				list = append(list, short)
			}
		}
		if list == nil {
			return nil
		}
		return list
	case map[string]any:
		return p.plainObject(v, depth)
	}
	return nil
}

// noise are keys that say nothing to a reader.
var noise = []string{"self", "id", "avatarUrls", "iconUrl", "avatarUrl", "accountId", "accountType", "timeZone", "active", "expand", "hasVoted", "isWatching", "entityId", "uuid"}

func (p *Pack) plainObject(v map[string]any, depth int) any {
	text := func(key string) string { s, _ := v[key].(string); return s }
	for direction, words := range map[string]string{"inwardIssue": "inward", "outwardIssue": "outward"} {
		if other, ok := v[direction].(map[string]any); ok {
			kind, _ := v["type"].(map[string]any)
			relation, _ := kind[words].(string)
			key, _ := other["key"].(string)
			if !p.allow.issue(key) {
				return nil
			}
			return strings.TrimSpace(relation + " " + key)
		}
	}
	key := text("key")
	switch {
	case text("type") == "doc" && v["content"] != nil:
		return adfValue(v)
	case issueKey.MatchString(key):
		if !p.allow.issue(key) {
			return nil
		}
		return key
	case text("displayName") != "":
		return text("displayName")
	case text("value") != "":
		if child, ok := v["child"].(map[string]any); ok {
			if below, ok := child["value"].(string); ok {
				return text("value") + " / " + below
			}
		}
		return text("value")
	case text("name") != "":
		return text("name")
	}
	if depth == 0 {
		return nil
	}
	short := map[string]any{}
	for k, one := range v {
		if slices.Contains(noise, k) || len(short) >= maxItems {
			continue
		}
		if value := p.plainValue(one, depth-1); value != nil {
			short[k] = value
		}
	}
	if len(short) == 0 {
		return nil
	}
	return short
}
