package github

import (
	gh "github.com/google/go-github/v89/github"
)

const (
	usualPage = 30  // entries, where a call does not say
	fullPage  = 100 // the most that GitHub gives on a page
)

// pageArgs are the arguments of every tool whose answer has pages.
type pageArgs struct {
	Page    int `json:"page,omitzero" jsonschema:"From nextPage." minimum:"1"`
	PerPage int `json:"perPage,omitzero" jsonschema:"Entries; 30." minimum:"1" maximum:"100"`
}

func (a pageArgs) options() gh.ListOptions {
	size := a.PerPage
	if size == 0 {
		size = usualPage
	}
	return gh.ListOptions{Page: max(a.Page, 1), PerPage: size}
}

// next is the page after this one; 0 where it is the last.
func (a pageArgs) next(resp *gh.Response) int {
	if resp == nil || resp.NextPage <= a.Page {
		return 0
	}
	return resp.NextPage
}

// every reads page after page until the last, or until limit entries are there; more says that some are left. The pages'
// numbers must grow, so that it ends.
func every[T any](limit int, page func(gh.ListOptions) ([]T, *gh.Response, error)) (all []T, more bool, err error) {
	opts := gh.ListOptions{Page: 1, PerPage: fullPage}
	for range limit {
		entries, resp, err := page(opts)
		if err != nil {
			return nil, false, err
		}
		all = append(all, entries...)
		if len(all) > limit {
			return all[:limit], true, nil
		}
		if resp == nil || resp.NextPage <= opts.Page {
			return all, false, nil
		}
		opts.Page = resp.NextPage
		if len(all) == limit {
			break
		}
	}
	return all, true, nil
}
