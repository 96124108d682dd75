package mcp

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// wireSkill is a skill as clients see it: what it says of itself, and every file with its digest.
type wireSkill struct {
	URI         string          `json:"uri"`
	Frontmatter jsontext.Value  `json:"frontmatter"`
	Resources   []wireSkillFile `json:"resources"`
}

type wireSkillFile struct {
	URI    string `json:"uri"`
	Digest string `json:"digest"`
	Size   int    `json:"size"`
}

func (k *Skill) show() wireSkill {
	w := wireSkill{URI: k.uri(), Frontmatter: k.frontmatter}
	for _, f := range k.files {
		w.Resources = append(w.Resources, wireSkillFile{f.uri, f.sum, len(f.data)})
	}
	return w
}

type listSkillsResult struct {
	Skills     []wireSkill `json:"skills"`
	NextCursor string      `json:"nextCursor,omitempty"`
}

func (s *Server) listSkills(_ context.Context, x *exchange, p listParams) (*listSkillsResult, error) {
	shown, next, err := page("skills", s.shown(x.peer.Principal).Skills, func(k *Skill) string { return k.name }, p.Cursor, s.opts.PageSize)
	if err != nil {
		return nil, err
	}
	result := &listSkillsResult{NextCursor: next}
	for _, k := range shown {
		result.Skills = append(result.Skills, k.show())
	}
	return result, nil
}

type skillResult struct {
	Skill wireSkill `json:"skill"`
}

func (s *Server) skill(_ context.Context, x *exchange, p uriParams) (*skillResult, error) {
	for _, k := range s.shown(x.peer.Principal).Skills {
		if k.uri() == p.URI {
			return &skillResult{k.show()}, nil
		}
	}
	return nil, notFound(p.URI)
}

type directoryResult struct {
	Resources []wireResource `json:"resources"`
}

// readDirectory lists the files and folders directly below a folder of a skill.
func (s *Server) readDirectory(_ context.Context, x *exchange, p uriParams) (*directoryResult, error) {
	for _, k := range s.shown(x.peer.Principal).Skills {
		if shown := k.children(p.URI); shown != nil {
			return &directoryResult{shown}, nil
		}
	}
	return nil, notFound(p.URI)
}
