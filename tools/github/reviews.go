package github

import (
	"context"
	"fmt"
	"strings"

	gh "github.com/google/go-github/v89/github"

	"toolgate/tools/internal/clip"
)

const maxReviewBody = 1 << 10 // bytes of what a reviewer wrote

// review is a reviewer's latest.
type review struct {
	Reviewer  string `json:"reviewer"`
	State     string `json:"state"` // approved, changes_requested, dismissed or commented
	Submitted string `json:"submitted,omitzero"`
	Outdated  bool   `json:"outdated,omitzero"` // commits came after it
	Body      string `json:"body,omitzero"`
}

func (q pullQuestion) reviews(into *pullDetail) part {
	return func(ctx context.Context) ([]string, error) {
		all, more, err := every(maxReviews, func(opts gh.ListOptions) ([]*gh.PullRequestReview, *gh.Response, error) {
			page, resp, err := q.api.PullRequests.ListReviews(ctx, q.r.owner, q.r.name, q.number, &opts)
			return page, resp, q.settle(ctx, "list the reviews of", resp, err)
		})
		if err != nil {
			return nil, err
		}
		into.Reviews = latestReviews(all, into.HeadSHA)
		if more {
			return []string{fmt.Sprintf("reviews: there are more than %d; the latest were not read", maxReviews)}, nil
		}
		return nil, nil
	}
}

// latestReviews is what each reviewer says last, in the order of their first review. A comment does not take back what the
// reviewer decided before it; a review that is not sent yet is nobody's business.
func latestReviews(all []*gh.PullRequestReview, head string) []review {
	latest := []review{}
	place := map[string]int{}
	for _, r := range all { // GitHub gives them in the order of time
		state := strings.ToLower(r.GetState())
		if state == "pending" {
			continue
		}
		one := review{
			Reviewer:  r.GetUser().GetLogin(),
			State:     state,
			Submitted: stamp(r.GetSubmittedAt()),
			Outdated:  head != "" && r.GetCommitID() != "" && r.GetCommitID() != head,
			Body:      clip.To(strings.TrimSpace(r.GetBody()), maxReviewBody),
		}
		i, known := place[one.Reviewer]
		switch {
		case !known:
			place[one.Reviewer] = len(latest)
			latest = append(latest, one)
		case state != "commented" || latest[i].State == "commented":
			latest[i] = one
		}
	}
	return latest
}
