package directory

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

func TestIsUserInDL(t *testing.T) {
	p := New(demo(t))
	tests := []struct {
		name, user, list string
		nested           bool
		want             isUserInDLResult
	}{
		{
			"named by the list", "alice", "engineering", true,
			isUserInDLResult{memberYes, true, []string{"engineering"}, "Alice Adams is a direct member of engineering"},
		},
		{
			"through four lists", "Alice@example.com", "ALL-STAFF@example.com", true,
			isUserInDLResult{
				memberYes, false,
				[]string{"engineering", "product-development", "headquarters", "employees", "all-staff"},
				"Alice Adams is a direct member of engineering, which is in product-development, which is in headquarters, which is in employees, which is in all-staff",
			},
		},
		{
			"nested membership not counted", "alice", "all-staff", false,
			isUserInDLResult{memberNo, false, nil, "Alice Adams is not a direct member of all-staff; lists inside it were not looked at"},
		},
		{
			"on other lists only", "alice", "finance", true,
			isUserInDLResult{memberNo, false, nil, "finance is not among the 6 lists that Alice Adams is on, directly or through other lists"},
		},
		{
			"through two lists that contain each other", "quinn", "incident-response", true,
			isUserInDLResult{memberYes, false, []string{"incident-observers", "incident-response"}, "Quinn Taylor is a direct member of incident-observers, which is in incident-response"},
		},
		{
			"a disabled account is still a member", "peggy", "engineering", true,
			isUserInDLResult{memberYes, true, []string{"engineering"}, "Peggy Olsen is a direct member of engineering; the account is disabled"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.isUserInDL(t.Context(), nil, isUserInDLArgs{tt.user, tt.list, tt.nested})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("is_user_in_dl (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoIsOnNoListIsOnNone(t *testing.T) {
	p := New(read(t, "people: [{login: ann}]\nlists: [{name: crew}]"))
	got, err := p.isUserInDL(t.Context(), nil, isUserInDLArgs{"ann", "crew", true})
	if err != nil || got.Member != memberNo || got.Reason != "ann is on no list at all" {
		t.Errorf("is_user_in_dl = %+v, %v, want no", got, err)
	}
}

func TestWhatCouldNotBeReadIsNeverNo(t *testing.T) {
	tests := []struct {
		name, list string
		down       []string // whose lists cannot be read
		nested     bool
		member     string
		reason     string // in the answer
	}{
		{"the person's lists", "finance", []string{"alice"}, true, memberUnknown, "the lists that have Alice Adams as a member were not read"},
		{"the person's lists, asked for direct members", "finance", []string{"alice"}, false, memberUnknown, "Alice Adams"},
		{"a list on the way", "all-staff", []string{"headquarters"}, true, memberUnknown, "the lists that contain headquarters were not read"},
		{"a list beside the way", "all-staff", []string{"book-club"}, true, memberYes, "which is in all-staff"},
		{"lists that nobody asked about", "finance", []string{"engineering"}, false, memberNo, "not a direct member"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := New(&flaky{Memory: demo(t), noGroupsOf: tt.down})
			got, err := p.isUserInDL(t.Context(), nil, isUserInDLArgs{"alice", tt.list, tt.nested})
			if err != nil {
				t.Fatal(err)
			}
			if got.Member != tt.member || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("is_user_in_dl = %q because %q, want %q with %q", got.Member, got.Reason, tt.member, tt.reason)
			}
		})
	}
}

func TestADirectoryThatIsDownIsAnErrorAndNobodyIsUnknown(t *testing.T) {
	p := New(&flaky{Memory: demo(t), noPerson: []string{"alice", "erin"}, noMembers: []string{"engineering"}})
	calls := map[string]func() error{
		"get_user": func() error {
			_, err := p.getUser(t.Context(), nil, getUserArgs{"alice"})
			return err
		},
		"is_user_in_dl": func() error {
			_, err := p.isUserInDL(t.Context(), nil, isUserInDLArgs{"alice", "finance", true})
			return err
		},
		"get_dl_members": func() error {
			_, err := p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: "engineering", Limit: 5})
			return err
		},
		"get_dl_members, nested": func() error {
			_, err := p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: "engineering", Nested: true, Limit: 5})
			return err
		},
		"get_manager_chain": func() error {
			_, err := p.getManagerChain(t.Context(), nil, getManagerChainArgs{"bob", 10})
			return err
		},
	}
	for tool, call := range calls {
		if err := call(); !errors.Is(err, errDown) {
			t.Errorf("%s = %v, want %v", tool, err, errDown)
		}
	}
}

func TestGetUser(t *testing.T) {
	p := New(&flaky{Memory: demo(t), noPerson: []string{"kofi"}})
	tests := []struct {
		name, identity string
		want           getUserResult
	}{
		{"by UPN", "sam.smith_contractors@corp.example.com", getUserResult{
			Login: "smith-ext", DisplayName: "Sam Smith", Mail: "sam.smith@contractors.example.net",
			UPN: "sam.smith_contractors@corp.example.com", DN: "uid=smith-ext,ou=people,dc=example,dc=com",
			Title: "Contractor", Department: "Engineering", Enabled: true,
			Manager: "uid=kofi,ou=people,dc=example,dc=com", // whose entry cannot be read
		}},
		{"a disabled account", "peggy", getUserResult{
			Login: "peggy", DisplayName: "Peggy Olsen", Mail: "peggy@example.com", UPN: "peggy@corp.example.com",
			DN: "uid=peggy,ou=people,dc=example,dc=com", Title: "Software Engineer", Department: "Engineering", Manager: "erin",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.getUser(t.Context(), nil, getUserArgs{tt.identity})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("get_user (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnknownNamesAreForTheModelToMend(t *testing.T) {
	p, noSuggestions := New(demo(t)), New(&flaky{Memory: demo(t), noNear: true})
	user := func(p *Pack, identity string) error {
		_, err := p.getUser(t.Context(), nil, getUserArgs{identity})
		return err
	}
	list := func(name string) error {
		_, err := p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: name, Limit: 5})
		return err
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"a login misspelled", user(p, "alcie"), `there is no person "alcie" in the directory; did you mean alice`},
		{"a mail address misspelled", user(p, "bbo@exmple.com"), "did you mean bob"},
		{"a full name", user(p, "Zoë van Dijk"), "did you mean zoe"},
		{"nothing like it", user(p, "q9q9q9q9"), "search_users finds people"},
		{"suggestions could not be had", user(noSuggestions, "alcie"), "search_users finds people"},
		{"a list misspelled", list("enginering"), "did you mean engineering"},
		{"a list's name as people say it", list("Release Managers"), "did you mean release-managers"},
		{"no such list", list("q9q9q9q9"), "get_user_groups tells"},
		{"spaces for a person", user(p, " \t"), "user_identity is empty"},
		{"spaces for a list", list("  "), "dl_name is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var forModel *mcp.ToolError
			if !errors.As(tt.err, &forModel) || !strings.Contains(forModel.Message, tt.want) {
				t.Errorf("error = %v, want one for the model with %q in it", tt.err, tt.want)
			}
			if n := strings.Count(tt.err.Error(), ","); n >= suggestions {
				t.Errorf("error = %q, want at most %d suggestions", tt.err, suggestions)
			}
		})
	}
}

func TestGetUserGroups(t *testing.T) {
	p := New(demo(t))
	direct, err := p.getUserGroups(t.Context(), nil, getUserGroupsArgs{UserIdentity: "alice", Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	want := getUserGroupsResult{
		User: "alice", Total: 2, Complete: true,
		Groups: []userGroup{
			{Name: "book-club", Mail: "book-club@example.com", Description: "Reading together on Thursdays"},
			{Name: "engineering", Mail: "engineering@example.com", Description: "All engineers"},
		},
	}
	if diff := cmp.Diff(want, direct, cmp.AllowUnexported(userGroup{}), cmp.FilterPath(isPlace, cmp.Ignore())); diff != "" {
		t.Errorf("direct (-want +got):\n%s", diff)
	}

	got := map[string]string{}
	cursor := ""
	for range 6 {
		shown, err := p.getUserGroups(t.Context(), nil, getUserGroupsArgs{UserIdentity: "alice", Nested: true, Limit: 1, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range shown.Groups {
			got[g.Name] = g.Through
		}
		cursor = shown.NextCursor
	}
	wantThrough := map[string]string{
		"all-staff": "employees", "book-club": "", "employees": "headquarters", "engineering": "",
		"headquarters": "product-development", "product-development": "engineering",
	}
	if diff := cmp.Diff(wantThrough, got); diff != "" || cursor != "" {
		t.Errorf("nested, six pages of one: last cursor %q, lists and what they are reached through (-want +got):\n%s", cursor, diff)
	}
}

// isPlace matches the field that holds an entry's place in the order, which clients never see.
func isPlace(p cmp.Path) bool {
	field, ok := p.Last().(cmp.StructField)
	return ok && field.Name() == "at"
}

func TestAnAnswerWithGapsSaysSo(t *testing.T) {
	p := New(&flaky{Memory: demo(t), noGroupsOf: []string{"engineering"}, noMembers: []string{"platform-oncall", "finance", "sales", "support"}})
	groups, err := p.getUserGroups(t.Context(), nil, getUserGroupsArgs{UserIdentity: "alice", Nested: true, Limit: 20})
	if err != nil || groups.Complete || groups.Missing != "the lists that contain engineering were not read" || groups.Total != 2 {
		t.Errorf("get_user_groups = %+v, %v, want two lists and what is missing", groups, err)
	}
	members, err := p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: "all-staff", Nested: true, Limit: 20})
	if err != nil || members.Complete || !strings.HasSuffix(members.Missing, "and 1 more were not read") {
		t.Errorf("get_dl_members = complete %v, missing %q, %v, want three gaps named and one counted", members.Complete, members.Missing, err)
	}
}

func TestGetDLMembers(t *testing.T) {
	p := New(demo(t))
	ask := func(list string, nested bool) (members []string) {
		t.Helper()
		cursor := ""
		for range 50 {
			got, err := p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: list, Nested: nested, Limit: 3, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got.Members {
				text := m.Kind + " " + m.Name
				if m.Through != "" {
					text += " through " + m.Through
				}
				if m.Disabled {
					text += ", disabled"
				}
				members = append(members, text)
			}
			if cursor = got.NextCursor; cursor == "" {
				if got.Total != len(members) {
					t.Errorf("%s: total = %d, members on all pages = %d", list, got.Total, len(members))
				}
				return members
			}
		}
		t.Fatalf("%s: the pages never end", list)
		return nil
	}
	tests := []struct {
		name, list string
		nested     bool
		want       []string
	}{
		{"lists before people", "engineering", false, []string{
			"list platform", "user alice", "user bob", "user carol", "user dave", "user erin", "user frank", "user oscar", "user peggy, disabled",
		}},
		{"nested", "platform", true, []string{
			"user kofi", "user lena through platform-oncall", "user mateo through platform-oncall", "user nadia",
		}},
		{"nested, in a circle", "incident-observers", true, []string{
			"user daniela through incident-response", "user lena through platform-oncall", "user mateo through platform-oncall",
			"user nadia through incident-response", "user quinn",
		}},
		{"empty", "mars-office", true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ask(tt.list, tt.nested)); diff != "" {
				t.Errorf("members of %s (-want +got):\n%s", tt.list, diff)
			}
		})
	}
	if got, everybody := len(ask("all-staff", true)), len(demo(t).people); got != everybody {
		t.Errorf("members of all-staff = %d, want everybody: %d", got, everybody)
	}
}

func TestSearchUsersPages(t *testing.T) {
	p := New(demo(t))
	var got []string
	cursor := ""
	for range 3 {
		page, err := p.searchUsers(t.Context(), nil, searchUsersArgs{Query: "software engineer", Limit: 2, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, who := range page.Items {
			got = append(got, who.Login)
		}
		cursor = page.NextCursor
	}
	if diff := cmp.Diff([]string{"alice", "bob", "carol", "dave", "peggy"}, got); diff != "" || cursor != "" {
		t.Errorf("three pages of two: last cursor %q, people (-want +got):\n%s", cursor, diff)
	}
}

func TestCursorsAreForOneQuestion(t *testing.T) {
	p := New(demo(t))
	page, err := p.searchUsers(t.Context(), nil, searchUsersArgs{Query: "engineer", Limit: 1})
	if err != nil || page.NextCursor == "" {
		t.Fatalf("search_users = %+v, %v, want a second page", page, err)
	}
	var forModel *mcp.ToolError
	if _, err := p.searchUsers(t.Context(), nil, searchUsersArgs{Query: "designer", Limit: 1, Cursor: page.NextCursor}); !errors.As(err, &forModel) {
		t.Errorf("search_users for other words = %v, want an error for the model", err)
	}
	if _, err := p.getUserGroups(t.Context(), nil, getUserGroupsArgs{UserIdentity: "alice", Limit: 1, Cursor: page.NextCursor}); !errors.As(err, &forModel) {
		t.Errorf("get_user_groups with it = %v, want an error for the model", err)
	}
	if _, err := p.getDLMembers(t.Context(), nil, getDLMembersArgs{DLName: "sales", Limit: 1, Cursor: page.NextCursor}); !errors.As(err, &forModel) {
		t.Errorf("get_dl_members with it = %v, want an error for the model", err)
	}
}

func TestSearchUsersNeedsAWord(t *testing.T) {
	_, err := New(demo(t)).searchUsers(t.Context(), nil, searchUsersArgs{Query: " ", Limit: 1})
	var forModel *mcp.ToolError
	if !errors.As(err, &forModel) || !strings.Contains(forModel.Message, "query is empty") {
		t.Errorf("search_users = %v, want an error for the model", err)
	}
}

func TestGetManagerChainSaysWhyItEnds(t *testing.T) {
	p := New(demo(t))
	tests := []struct {
		name, user string
		depth      int
		reason     string
	}{
		{"the top", "alice", 10, "Grace Okafor reports to nobody"},
		{"nobody above", "grace", 10, "Grace Okafor reports to nobody"},
		{"more above", "alice", 1, "there are more managers above Erin Murphy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.getManagerChain(t.Context(), nil, getManagerChainArgs{tt.user, tt.depth})
			if err != nil || got.Reason != tt.reason {
				t.Errorf("get_manager_chain = %q, %v, want %q", got.Reason, err, tt.reason)
			}
		})
	}
}
