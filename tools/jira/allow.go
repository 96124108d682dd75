package jira

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"toolgate/mcp"
)

var (
	projectKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)
	issueKey   = regexp.MustCompile(`^([A-Z][A-Z0-9_]{0,63})-[0-9]{1,10}$`)
)

// allowList is the keys of the projects that may be seen, in upper case; empty is all.
type allowList []string

func newAllowList(projects []string) (allowList, error) {
	var allow allowList
	for _, p := range projects {
		key := strings.ToUpper(strings.TrimSpace(p))
		if !projectKey.MatchString(key) {
			return nil, fmt.Errorf("tools.jira.projects: %q is not the key of a project, such as ABC", p)
		}
		if !slices.Contains(allow, key) {
			allow = append(allow, key)
		}
	}
	return allow, nil
}

// confines says whether anything is kept from view.
func (a allowList) confines() bool { return len(a) > 0 }

// project says whether a project may be seen.
func (a allowList) project(key string) bool {
	return len(a) == 0 || slices.Contains(a, strings.ToUpper(key))
}

// issue says whether an issue may be seen, by its key. What is no key may not.
func (a allowList) issue(key string) bool {
	if len(a) == 0 {
		return true
	}
	parts := issueKey.FindStringSubmatch(key)
	return len(parts) == 2 && a.project(parts[1])
}

// clause is the part of JQL that holds for these projects only; empty where all may be seen.
func (a allowList) clause() string {
	if len(a) == 0 {
		return ""
	}
	return `project in ("` + strings.Join(a, `","`) + `")`
}

// checkProject reads the key of a project that a call named.
func (p *Pack) checkProject(text string) (string, error) {
	key := strings.ToUpper(strings.TrimSpace(text))
	if !projectKey.MatchString(key) {
		return "", mcp.ToolErrorf("%q is not the key of a project: it is what stands before the number in its issues' keys, such as ABC", text)
	}
	if !p.allow.project(key) {
		return "", p.outside("the project " + key)
	}
	return key, nil
}

// checkIssue reads the key of an issue that a call named.
func (p *Pack) checkIssue(text string) (string, error) {
	key := strings.ToUpper(strings.TrimSpace(text))
	if !issueKey.MatchString(key) {
		return "", mcp.ToolErrorf("%q is not the key of an issue, such as ABC-123", text)
	}
	if !p.allow.issue(key) {
		return "", p.outside(key)
	}
	return key, nil
}

// outside says that something is not to be seen here, whether or not it exists.
func (p *Pack) outside(what string) error {
	return mcp.ToolErrorf("%s may not be seen through this server: it is confined to the projects %s", what, strings.Join(p.allow, ", "))
}

func noIssue(key string) string { return "there is no issue " + key }
