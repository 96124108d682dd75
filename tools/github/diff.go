package github

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gh "github.com/google/go-github/v89/github"

	"toolgate/tools/internal/egress"
)

const maxDiff = 48 << 10 // bytes of a diff in one result

func (q pullQuestion) diff(into *pullDetail, path string) part {
	return func(ctx context.Context) ([]string, error) {
		text, resp, err := q.api.PullRequests.GetRaw(ctx, q.r.owner, q.r.name, q.number, gh.RawOptions{Type: gh.Diff})
		err = q.settle(ctx, "read the diff of", resp, err)
		if status(err) == statusNotAcceptable || errors.Is(err, egress.ErrTooLarge) {
			return []string{"diff: it is too large to be had; files names what changed, and get_file_contents reads it at headSha"}, nil
		}
		if err != nil {
			return nil, err
		}
		text = strings.ToValidUTF8(text, "\uFFFD")
		if path != "" {
			found := ofFile(text, strings.TrimPrefix(path, "/"))
			if found == "" {
				return []string{fmt.Sprintf("diff: %s does not change %s; files names what it changes", q, path)}, nil
			}
			text = found
		}
		into.Diff, into.DiffMissing = cutLines(text, maxDiff)
		if into.DiffMissing > 0 {
			return []string{fmt.Sprintf("diff: %d of %d bytes are missing; diffPath gives one file's", into.DiffMissing, len(text))}, nil
		}
		return nil, nil
	}
}

// ofFile is the part of a diff that is about one file, by its name before or after; empty where there is none.
func ofFile(diff, path string) string {
	const begin = "diff --git "
	for rest := diff; rest != ""; {
		section := rest
		if end := strings.Index(rest, "\n"+begin); end >= 0 {
			section = rest[:end+1]
		}
		rest = rest[len(section):]
		head, _, _ := strings.Cut(section, "\n")
		names, isHead := strings.CutPrefix(head, begin)
		if isHead && (strings.HasPrefix(names, "a/"+path+" ") || strings.HasSuffix(names, " b/"+path)) {
			return section
		}
	}
	return ""
}
