package ldapdir

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
	"toolgate/tools/directory"
)

// desk calls the tools over one directory as a client's calls go.
type desk struct{ server *mcp.Server }

func newDesk(t *testing.T, dir directory.Directory) desk {
	t.Helper()
	server, err := mcp.NewServer(directory.New(dir).Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	return desk{server}
}

// call is a tool's result, or the text of its error; arguments are JSON.
func (d desk) call(t *testing.T, tool, arguments string) (result map[string]any, failure string) {
	t.Helper()
	m, fault := mcp.Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, arguments))
	if fault != nil {
		t.Fatal(fault)
	}
	answer := d.server.Answer(t.Context(), mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest()), m)
	var reply struct {
		Error  any
		Result struct {
			IsError           bool
			Content           []struct{ Text string }
			StructuredContent map[string]any
		}
	}
	if err := json.Unmarshal(answer, &reply); err != nil || reply.Error != nil {
		t.Fatalf("%s %s = %s", tool, arguments, answer)
	}
	if reply.Result.IsError {
		return nil, reply.Result.Content[0].Text
	}
	return reply.Result.StructuredContent, ""
}

// conformance holds what the tools say about the demo company, whatever holds it. The answers are those of the file that comes
// with the program, from which every other source may differ in nothing but DNs.
func conformance(t *testing.T, dir directory.Directory, upn bool) {
	demo, err := directory.Demo()
	if err != nil {
		t.Fatal(err)
	}
	mine, memory := newDesk(t, dir), newDesk(t, demo)
	calls := []struct{ name, tool, arguments string }{
		{"a person by login", "get_user", `{"user_identity":"ALICE"}`},
		{"a person by mail address", "get_user", `{"user_identity":"Rosa@Example.com"}`},
		{"a person by DN", "get_user", `{"user_identity":"UID=bob, OU=people,dc=example,dc=com"}`},
		{"a disabled account", "get_user", `{"user_identity":"peggy"}`},
		{"who reports to nobody", "get_user", `{"user_identity":"grace"}`},
		{"a direct member", "is_user_in_dl", `{"user_identity":"alice","dl_name":"engineering"}`},
		{"a member through four lists", "is_user_in_dl", `{"user_identity":"alice","dl_name":"all-staff"}`},
		{"a list by mail address", "is_user_in_dl", `{"user_identity":"lena","dl_name":"headquarters@example.com"}`},
		{"a list by DN", "is_user_in_dl", `{"user_identity":"lena","dl_name":"CN=headquarters,ou=lists,dc=example,dc=com"}`},
		{"direct members only", "is_user_in_dl", `{"user_identity":"carol","dl_name":"release-managers","nested":false}`},
		{"through lists that contain each other", "is_user_in_dl", `{"user_identity":"quinn","dl_name":"incident-response"}`},
		{"a disabled member", "is_user_in_dl", `{"user_identity":"peggy","dl_name":"engineering"}`},
		{"words", "search_users", `{"query":"software ENGINEER"}`},
		{"words of more than one field", "search_users", `{"query":"finance manager"}`},
		{"letters beyond ASCII", "search_users", `{"query":"jiménez"}`},
		{"characters of filters", "search_users", `{"query":"O'Neill"}`},
		{"nobody", "search_users", `{"query":"*)(uid=*"}`},
		{"the lists of a person", "get_user_groups", `{"user_identity":"alice"}`},
		{"all lists of a person", "get_user_groups", `{"user_identity":"alice","nested":true}`},
		{"all lists, in a circle", "get_user_groups", `{"user_identity":"lena","nested":true}`},
		{"members", "get_dl_members", `{"dl_name":"engineering"}`},
		{"all members", "get_dl_members", `{"dl_name":"platform","nested":true}`},
		{"everybody", "get_dl_members", `{"dl_name":"all-staff","nested":true,"limit":50}`},
		{"an empty list", "get_dl_members", `{"dl_name":"mars-office"}`},
		{"managers", "get_manager_chain", `{"user_identity":"dave"}`},
		{"two managers", "get_manager_chain", `{"user_identity":"dave","depth":2}`},
	}
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			want, failure := memory.call(t, tt.tool, tt.arguments)
			if failure != "" {
				t.Fatalf("in memory: %s", failure)
			}
			got, failure := mine.call(t, tt.tool, tt.arguments)
			if failure != "" {
				t.Fatalf("%s %s = error %q", tt.tool, tt.arguments, failure)
			}
			if !upn {
				delete(want, "upn")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-in memory +here):\n%s", tt.tool, tt.arguments, diff)
			}
		})
	}
	t.Run("no", func(t *testing.T) {
		for _, nested := range []bool{true, false} {
			got, failure := mine.call(t, "is_user_in_dl", fmt.Sprintf(`{"user_identity":"alice","dl_name":"finance","nested":%v}`, nested))
			if failure != "" || got["member"] != "no" || len(got["via"].([]any)) != 0 {
				t.Errorf("is_user_in_dl, nested %v = %v, %s, want no", nested, got, failure)
			}
		}
	})
	t.Run("pages", func(t *testing.T) {
		var got, want []any
		for _, d := range []struct {
			desk
			all *[]any
		}{{memory, &want}, {mine, &got}} {
			cursor := ""
			for range 10 {
				page, failure := d.call(t, "search_users", fmt.Sprintf(`{"query":"engineer","limit":3,"cursor":%q}`, cursor))
				if failure != "" {
					t.Fatal(failure)
				}
				*d.all = append(*d.all, page["items"].([]any)...)
				cursor, _ = page["nextCursor"].(string)
				if cursor == "" {
					break
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) < 9 {
			t.Errorf("search_users, page by page (-in memory +here):\n%s", diff)
		}
	})
	t.Run("suggestions", func(t *testing.T) {
		for _, tt := range []struct{ tool, arguments, want string }{
			{"get_user", `{"user_identity":"alcie"}`, "did you mean alice"},
			{"get_user", `{"user_identity":"bbo@exmple.com"}`, "did you mean bob"},
			{"get_user", `{"user_identity":"Zoë van Dijk"}`, "did you mean zoe"},
			{"get_user", `{"user_identity":"*"}`, "search_users finds people"},
			{"get_user", `{"user_identity":"*)(uid=*))(|(uid=*"}`, "search_users finds people"},
			{"get_user", `{"user_identity":"alice\u0000"}`, "there is no person"},
			{"get_user", `{"user_identity":"engineering"}`, "there is no person"},
			{"get_user", `{"user_identity":"dc=example,dc=com"}`, "there is no person"},
			{"get_user", `{"user_identity":"uid=alice,ou=people,dc=elsewhere"}`, "there is no person"},
			{"get_dl_members", `{"dl_name":"enginering"}`, "did you mean engineering"},
			{"get_dl_members", `{"dl_name":"Release Managers"}`, "did you mean release-managers"},
			{"get_dl_members", `{"dl_name":"alice"}`, "there is no list"},
		} {
			if got, failure := mine.call(t, tt.tool, tt.arguments); !strings.Contains(failure, tt.want) {
				t.Errorf("%s %s = %v, error %q, want %q in the error", tt.tool, tt.arguments, got, failure, tt.want)
			}
		}
	})
}

func TestTheToolsOverMemory(t *testing.T) {
	demo, err := directory.Demo()
	if err != nil {
		t.Fatal(err)
	}
	conformance(t, demo, true)
}

func TestTheToolsOverSlapd(t *testing.T) {
	for name, memberOf := range map[string]bool{"with memberOf": true, "without memberOf": false} {
		t.Run(name, func(t *testing.T) {
			s := startSlapd(t, demoCompany(t), memberOf, "")
			conformance(t, open(t, s.config()), false)
		})
	}
}

func TestTheToolsOverActiveDirectory(t *testing.T) {
	tests := []struct {
		name   string
		change func(*adServer)
	}{
		{"whole", func(*adServer) {}},
		{"members in parts of two", func(s *adServer) { s.parts = 2 }},
		{"without pages", func(s *adServer) { s.root = s.root[:1] }},
		{"memberOf hidden from us", func(s *adServer) { s.hidden = hides("memberof") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serveAD(t, demoCompany(t))
			tt.change(s)
			cfg := s.config()
			cfg.BaseDN, cfg.PageSize = s.base, 7
			conformance(t, open(t, cfg), true)
		})
	}
}
