package github

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v89/github"
	"go.uber.org/zap"

	"toolgate/mcp"
)

// askError is what went wrong with a request, and what was not there if the answer is 404.
type askError struct {
	doing   string // "read the pull request 5 of o/r"
	missing string // "there is no pull request 5 in o/r"
	err     error
}

func (e *askError) Error() string { return e.doing + ": " + e.err.Error() }

func (e *askError) Unwrap() error { return e.err }

// settle is the end of every request about a repository: what it brought is only good if settle returns nil. It holds the
// answer against the list of repositories that may be seen, since one that was renamed or given away answers under its old
// name, wherever it is now; and it wraps err.
func (p *Pack) settle(ctx context.Context, r repository, doing, missing string, resp *gh.Response, err error) error {
	if moved := p.moved(ctx, r, resp); moved != nil {
		return moved
	}
	if err != nil {
		return &askError{doing, missing, err}
	}
	return nil
}

// moved refuses an answer that came, by redirects, from a repository that may not be seen.
func (p *Pack) moved(ctx context.Context, r repository, resp *gh.Response) error {
	if !p.allow.confines() || resp == nil || resp.Response == nil || resp.Request == nil {
		return nil
	}
	for req := resp.Request; ; req = req.Response.Request {
		if path, ours := p.site.under(req.URL); ours {
			if err := p.checkPlace(ctx, r, path); err != nil {
				return err
			}
		}
		if req.Response == nil || req.Response.Request == nil {
			return nil
		}
	}
}

// checkPlace says whether a path below the API's is one of r, or of another repository that may be seen.
func (p *Pack) checkPlace(ctx context.Context, r repository, path string) error {
	kind, rest, _ := strings.Cut(path, "/")
	switch kind {
	case "repos":
		owner, rest, _ := strings.Cut(rest, "/")
		name, _, _ := strings.Cut(rest, "/")
		if now := (repository{owner, name}); now.same(r) || p.allow.match(now) {
			return nil
		}
	case "repositories":
		text, _, _ := strings.Cut(rest, "/")
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			break
		}
		found, _, err := p.api.Repositories.GetByID(ctx, id)
		if err != nil {
			return fmt.Errorf("find out where the repository %s is now: %w", r, &askError{"read it", "the repository " + r.String() + " was moved", err})
		}
		owner, name, _ := strings.Cut(found.GetFullName(), "/")
		if p.allow.match(repository{owner, name}) {
			return nil
		}
	}
	p.log.Warn("a repository that may be seen was moved to where it may not", zap.Stringer("repository", r))
	return mcp.ToolErrorf("the repository %s was renamed or given to another owner, and what it is now may not be seen through this server: it is confined to %s", r, p.allow)
}
