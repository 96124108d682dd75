package github

import (
	"fmt"
	"strings"

	"toolgate/config"
	"toolgate/mcp"
)

// repository names one, as its owner and GitHub's URLs do; case does not matter to either.
type repository struct{ owner, name string }

func (r repository) String() string { return r.owner + "/" + r.name }

// valid says that it can stand in a path and means what it says there.
func (r repository) valid() bool { return ownerName.MatchString(r.owner) && validName(r.name) }

// same compares as GitHub does.
func (r repository) same(o repository) bool {
	return strings.EqualFold(r.owner, o.owner) && strings.EqualFold(r.name, o.name)
}

// newDefaults reads what a call means that names no repository. tools.github.repo may be OWNER/NAME.
func newDefaults(cfg config.GitHub) (repository, error) {
	r := repository{strings.TrimSpace(cfg.Owner), strings.TrimSpace(cfg.Repo)}
	if owner, name, both := strings.Cut(r.name, "/"); both {
		if r.owner != "" && !strings.EqualFold(owner, r.owner) {
			return repository{}, fmt.Errorf("tools.github.repo: %q has another owner than tools.github.owner", r.name)
		}
		r = repository{owner, name}
	}
	switch {
	case r.owner != "" && !ownerName.MatchString(r.owner):
		return repository{}, fmt.Errorf("tools.github.owner: %q is not the name of a user or organization", r.owner)
	case r.name != "" && !validName(r.name):
		return repository{}, fmt.Errorf("tools.github.repo: %q is not the name of a repository", r.name)
	case r.name != "" && r.owner == "":
		return repository{}, fmt.Errorf("tools.github.owner: tools.github.repo is set, and whose repository it is not")
	}
	return r, nil
}

// repositoryArgs are the arguments of every tool that asks about one repository.
type repositoryArgs struct {
	Owner string `json:"owner,omitzero" jsonschema:"If not the default."`
	Repo  string `json:"repo,omitzero" jsonschema:"If not the default."`
}

// repository is the one that a call means, if it may be seen.
func (p *Pack) repository(in repositoryArgs) (repository, error) {
	r := repository{strings.TrimSpace(in.Owner), strings.TrimSpace(in.Repo)}
	if owner, name, both := strings.Cut(r.name, "/"); both {
		if r.owner != "" && !strings.EqualFold(owner, r.owner) {
			return r, mcp.ToolErrorf("repo %q has another owner than owner %q: give the name alone", r.name, r.owner)
		}
		r = repository{owner, name}
	}
	if r.name == "" && (r.owner == "" || strings.EqualFold(r.owner, p.defaults.owner)) {
		r.name = p.defaults.name
	}
	if r.owner == "" {
		r.owner = p.defaults.owner
	}
	switch {
	case r.owner == "" && r.name == "":
		return r, mcp.ToolErrorf("owner and repo say which repository is meant, and this server has no default: give both")
	case r.owner == "":
		return r, mcp.ToolErrorf("owner says whose repository %s is, and this server has no default: give it too", r.name)
	case r.name == "":
		return r, mcp.ToolErrorf("repo says which repository of %s is meant: give it too", r.owner)
	case !r.valid():
		return r, mcp.ToolErrorf("%q is not the name of a repository: owner and repo are as in https://github.com/OWNER/REPO", r.String())
	case !p.allow.match(r):
		return r, p.outside("the repository " + r.String())
	}
	return r, nil
}

// outside says that something is not to be seen here, whether or not it exists.
func (p *Pack) outside(what string) error {
	return mcp.ToolErrorf("%s may not be seen through this server: it is confined to %s", what, p.allow)
}
