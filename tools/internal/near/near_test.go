package near_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/tools/internal/near"
)

func TestNames(t *testing.T) {
	known := []string{"engineering", "all-staff", "finance", "platform", "platform-oncall"}
	tests := []struct {
		name, word string
		n          int
		want       []string
	}{
		{"a typing error", "enginering", 3, []string{"engineering"}},
		{"letters swapped", "fiannce", 3, []string{"finance"}},
		{"a space for a dash, capitals", "All Staff", 3, []string{"all-staff"}},
		{"a part of the name", "staff", 3, []string{"all-staff"}},
		{"the exact name comes before a longer one", "platform", 3, []string{"platform", "platform-oncall"}},
		{"no more than asked", "platform", 1, []string{"platform"}},
		{"two letters are in everything", "an", 3, []string{}},
		{"nothing like it", "zzzzzz", 3, []string{}},
		{"empty", "", 3, []string{}},
		{"none asked", "finance", 0, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, near.Names(tt.word, known, tt.n)); diff != "" {
				t.Errorf("Names(%q) (-want +got):\n%s", tt.word, diff)
			}
		})
	}
}

func TestScoreComparesOnlyTheBeginningOfLongNames(t *testing.T) {
	head := strings.Repeat("ü", 64)
	if got := near.Score(head+"one", head+"another"); got != 1 {
		t.Errorf("score of two names with the same first 64 runes = %v, want 1", got)
	}
}
