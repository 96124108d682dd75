package directory

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestPagesTogetherAreTheWholeInOrder(t *testing.T) {
	all := []string{"delta", "alpha", "charlie", "echo", "bravo"}
	want := slices.Sorted(slices.Values(all))
	self := func(s string) string { return s }
	for limit := 1; limit <= len(all)+1; limit++ {
		var got []string
		text := ""
		for range len(all) + 1 {
			c, err := parseCursor(text, "q")
			if err != nil {
				t.Fatalf("limit %d: %v", limit, err)
			}
			shown, next := page(c, slices.Clone(all), self, limit)
			got = append(got, shown...)
			if text = next; text == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || text != "" {
			t.Errorf("limit %d: last cursor %q, entries (-want +got):\n%s", limit, text, diff)
		}
	}
}

func TestPageGoesOnWhereTheLastEntryHasGone(t *testing.T) {
	shown, next := page(cursor{after: "b"}, []string{"c", "a"}, func(s string) string { return s }, 5)
	if diff := cmp.Diff([]string{"c"}, shown); diff != "" || next != "" {
		t.Errorf("next %q, shown (-want +got):\n%s", next, diff)
	}
}

func TestTwoListsOfOneNameHaveDifferentPositions(t *testing.T) {
	a, b := position("crew", "cn=crew,ou=a"), position("Crew", "cn=crew,ou=b")
	if a == b {
		t.Errorf("both are at %q: one of them would be lost between two pages", a)
	}
	if again := position("CREW", "CN=crew, OU=a"); again != a {
		t.Errorf("position depends on how a DN is printed: %q and %q", a, again)
	}
}

func TestParseCursorRefuses(t *testing.T) {
	good := cursor{question: question("tool", "alice"), after: "m"}.String()
	tests := []struct{ name, text, want string }{
		{"no base64", "!!", "not one this tool gave out"},
		{"a cut one", good[:4], "not one this tool gave out"},
		{"a fingerprint alone", base64.RawURLEncoding.EncodeToString(make([]byte, fingerprintSize)), "not one this tool gave out"},
		{"bytes that are no text", base64.RawURLEncoding.EncodeToString([]byte("12345678\xff")), "not one this tool gave out"},
		{"one of another person", cursor{question: question("tool", "bob"), after: "m"}.String(), "other arguments"},
		{"one of another tool", cursor{question: question("other", "alice"), after: "m"}.String(), "other arguments"},
		{"a huge one", strings.Repeat("A", maxCursor+1), "longer than any"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseCursor(tt.text, question("tool", "alice"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseCursor(%.20q) = %v, want %q in it", tt.text, err, tt.want)
			}
		})
	}
	if c, err := parseCursor(good, question("tool", " ALICE ")); err != nil || c.after != "m" {
		t.Errorf("parseCursor for the same person written otherwise = %+v, %v, want position m", c, err)
	}
}

func TestTheLongestPositionFitsACursor(t *testing.T) {
	long := cursor{question: "q", after: kindUser + position(strings.Repeat("a", maxName), "dn")}
	if c, err := parseCursor(long.String(), "q"); err != nil || c.after != long.after {
		t.Errorf("parseCursor of our own longest cursor = %v", err)
	}
}

func FuzzParseCursor(f *testing.F) {
	const asked = "get_dl_members\x00all-staff\x00true"
	f.Add(cursor{question: asked, after: "useralice\x0012345678"}.String())
	f.Add("")
	f.Add("AAAA")
	f.Add("\xff\x00=")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text, asked)
		if err != nil {
			if c.after != "" || err.Error() == "" || !utf8.ValidString(err.Error()) {
				t.Fatalf("parseCursor(%q) = %+v and %q: want no position and a readable refusal", text, c, err)
			}
			return
		}
		if text != "" && c.String() != text {
			t.Fatalf("parseCursor(%q) accepts what it would write as %q", text, c.String())
		}
	})
}
