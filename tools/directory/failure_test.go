package directory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

var errGone = &Failure{Message: "the directory could not be reached: it is gone", RetryAfter: 5, Down: true, Err: errDown}

// failing is a directory whose questions about some entries end in a failure.
type failing struct {
	*Memory
	failure *Failure
	of      string // login or name; empty: of all
	asked   int    // questions that failed
}

func (f *failing) fail(ctx context.Context, identity string) error {
	if f.of == "" || (&flaky{Memory: f.Memory}).isOneOf(ctx, identity, []string{f.of}) {
		f.asked++
		return f.failure
	}
	return nil
}

func (f *failing) GroupsOf(ctx context.Context, dn, login string) ([]Group, error) {
	if err := f.fail(ctx, dn); err != nil {
		return nil, err
	}
	return f.Memory.GroupsOf(ctx, dn, login)
}

func (f *failing) Members(ctx context.Context, dn string) (Members, error) {
	if err := f.fail(ctx, dn); err != nil {
		return Members{}, err
	}
	return f.Memory.Members(ctx, dn)
}

func TestADirectoryThatIsDownEndsAWalk(t *testing.T) {
	for _, of := range []string{"", "engineering"} {
		dir := &failing{Memory: demo(t), failure: errGone, of: of}
		p := New(dir)
		_, err := p.isUserInDL(t.Context(), nil, isUserInDLArgs{"alice", "all-staff", true})
		if !errors.Is(err, errGone) || dir.asked != 1 {
			t.Errorf("is_user_in_dl = %v after %d failures, want %v after one", err, dir.asked, errGone)
		}
		if _, err = p.getUserGroups(t.Context(), nil, getUserGroupsArgs{UserIdentity: "alice", Nested: true, Limit: 5}); !errors.Is(err, errGone) {
			t.Errorf("get_user_groups = %v, want %v", err, errGone)
		}
		if _, err = p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: "all-staff", Nested: true, Limit: 5}); !errors.Is(err, errGone) {
			t.Errorf("get_dl_members = %v, want %v", err, errGone)
		}
	}
}

func TestAFailureForOneListIsAGap(t *testing.T) {
	p := New(&failing{Memory: demo(t), failure: &Failure{Message: "too many entries"}, of: "engineering"})
	got, err := p.isUserInDL(t.Context(), nil, isUserInDLArgs{"alice", "all-staff", true})
	if err != nil || got.Member != memberUnknown {
		t.Errorf("is_user_in_dl = %+v, %v, want unknown", got, err)
	}
}

func TestFailuresAreToldToTheModel(t *testing.T) {
	answer := answering(func(context.Context, *mcp.Call, string) (string, error) {
		return "", errors.Join(errors.New("look up alice"), errGone)
	})
	_, err := answer(t.Context(), nil, "")
	want := &mcp.ToolError{Message: errGone.Message, RetryAfter: 5}
	if got, ok := errors.AsType[*mcp.ToolError](err); !ok || *got != *want {
		t.Errorf("error = %v, want %v", err, want)
	}
	_, err = answering(func(context.Context, *mcp.Call, string) (string, error) { return "", errDown })(t.Context(), nil, "")
	if err != errDown {
		t.Errorf("error = %v, want %v as it is", err, errDown)
	}
}

// climbing is a directory that finds ways by itself.
type climbing struct {
	*Memory
	steps []Step
	err   error
	until string
}

func (c *climbing) Climb(_ context.Context, _ Person, until string) ([]Step, error) {
	c.until = until
	return c.steps, c.err
}

func TestADirectoryThatClimbsIsAskedOnce(t *testing.T) {
	way := []Step{{Group{DN: "cn=near", Name: "near"}, -1}, {Group{DN: "cn=beside", Name: "beside"}, -1}, {Group{DN: "cn=finance,ou=lists,dc=example,dc=com", Name: "finance"}, 0}}
	tests := []struct {
		name   string
		steps  []Step
		err    error
		member string
		via    []string
		reason string
		down   bool
	}{
		{"a way", way, nil, memberYes, []string{"near", "finance"}, "direct member of near", false},
		{"no way", nil, nil, memberNo, nil, "Alice Adams is not on finance, neither directly nor through other lists", false},
		{"there is a way that list by list does not show", nil, errors.ErrUnsupported, memberUnknown, nil, "the lists on the way, which there is, were not read", false},
		{"it could not tell", nil, &Failure{Message: "too many"}, memberUnknown, nil, "the lists above Alice Adams were not read", false},
		{"it is down", nil, errGone, "", nil, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := &climbing{Memory: demo(t), steps: tt.steps, err: tt.err}
			got, err := New(dir).isUserInDL(t.Context(), nil, isUserInDLArgs{"alice", "finance", true})
			if errors.Is(err, errGone) != tt.down || err != nil && !tt.down {
				t.Fatalf("is_user_in_dl = %v, want down %v", err, tt.down)
			}
			if diff := cmp.Diff(tt.via, got.Via); diff != "" || got.Member != tt.member || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("is_user_in_dl = %+v, want %q because %q; via (-want +got):\n%s", got, tt.member, tt.reason, diff)
			}
			if dir.until != "cn=finance,ou=lists,dc=example,dc=com" {
				t.Errorf("Climb was asked for %q", dir.until)
			}
		})
	}
}

// witness is a directory that may not be shown all.
type witness struct {
	*Memory
	shows bool
	err   error
}

func (w *witness) Shows(context.Context, Person, string) (bool, error) { return w.shows, w.err }

func TestNoNeedsAWitness(t *testing.T) {
	tests := []struct {
		name   string
		shows  bool
		err    error
		list   string
		member string // empty: an error
	}{
		{"who sees", true, nil, "finance", memberNo},
		{"who does not see", false, nil, "finance", memberUnknown},
		{"who cannot tell", true, &Failure{Message: "too many"}, "finance", memberUnknown},
		{"who is down", true, errGone, "finance", ""},
		{"and yes none", false, errGone, "all-staff", memberYes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, nested := range []bool{true, false} {
				if tt.member == memberYes && !nested {
					tt.list = "engineering"
				}
				got, err := New(&witness{demo(t), tt.shows, tt.err}).isUserInDL(t.Context(), nil, isUserInDLArgs{"alice", tt.list, nested})
				if got.Member != tt.member || (err != nil) != (tt.member == "") || err != nil && !errors.Is(err, errGone) {
					t.Errorf("is_user_in_dl, nested %v = %q, %v, want %q", nested, got.Member, err, tt.member)
				}
			}
		})
	}
}

func TestKeyOfOneDNWrittenInManyWays(t *testing.T) {
	want := Key(`cn=adams\, jörg + uid=ja,ou=people`)
	for _, dn := range []string{`CN=Adams\2C J\C3\96rg+UID=JA,OU=People`, ` uid=ja+cn=Adams\2c Jörg , ou = people `, `cn=ADAMS\, JÖRG+uid=ja;ou=people`} {
		if got := Key(dn); got != want {
			t.Errorf("Key(%q) = %q, want %q", dn, got, want)
		}
	}
}
