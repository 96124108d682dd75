package jira

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toolgate/config"
	"toolgate/mcp"
)

// recorded answers as a Jira did: with the file of testdata that has the request's path for a name.
func recorded(t *testing.T, folder, prefix, authorization string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.Header().Set("Cache-Control", "no-cache, no-store, no-transform")
		if r.Header.Get("Authorization") != authorization {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"message":"Client must be authenticated to access this resource.","status-code":401}`)
			return
		}
		path, below := strings.CutPrefix(r.URL.Path, prefix)
		body, err := os.ReadFile(filepath.Join("testdata", folder, strings.ReplaceAll(strings.Trim(path, "/"), "/", "_")+".json"))
		if err != nil || !below {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`)
			return
		}
		if _, err := w.Write(body); err != nil {
			t.Errorf("write an answer: %v", err)
		}
	})
}

const (
	cloudAuthorization      = "Basic Ym90QGFjbWUuZXhhbXBsZTpjMTB1ZC10MGtlbg=="
	dataCenterAuthorization = "Bearer pers0nal"
)

// recordedCalls are made of a recorded Jira; testdata has what they give.
type recordedCall struct{ tool, arguments string }

func TestRecorded(t *testing.T) {
	tests := []struct {
		name   string
		config func(url string) config.Jira
		prefix string
		auth   string
		calls  []recordedCall
	}{
		{"cloud", cloudConfig, "", cloudAuthorization, []recordedCall{
			{"get_sprint_report", `{"boardId":7,"sprintId":42}`},
			{"list_boards", `{}`},
			{"list_sprints", `{"boardId":7}`},
			{"list_sprints", `{"boardId":7,"limit":1}`},
			{"get_sprint_issues", `{"sprintId":42}`},
			{"search_issues_jql", `{"jql":"project = ABC","fields":["Severity","watches"]}`},
			{"search_issues_jql", `{"jql":"project = ABC","fields":["Severety"]}`},
			{"search_issues_jql", `{"jql":"project = ABC","fields":["Team"]}`},
			{"search_issues_jql", `{"jql":"project = ABC","fields":["*all"]}`},
			{"get_jira_issue", `{"issueKey":"abc-4","commentLimit":2,"fields":["severity"]}`},
			{"get_jira_issue", `{"issueKey":"ABC-999"}`},
			{"get_jira_issue", `{"issueKey":"10304"}`},
			{"get_jira_transitions", `{"issueKey":"ABC-4"}`},
		}},
		{"datacenter", dataCenterConfig, "/jira", dataCenterAuthorization, []recordedCall{
			{"get_sprint_report", `{"boardId":3,"sprintId":5}`},
			{"list_boards", `{}`},
			{"list_sprints", `{"boardId":3}`},
			{"search_issues_jql", `{"jql":"project = OPS"}`},
			{"get_jira_issue", `{"issueKey":"OPS-12","commentLimit":5}`},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, recorded(t, tt.name, tt.prefix, tt.auth))
			d := open(t, tt.config(url+tt.prefix))
			var got bytes.Buffer
			for _, c := range tt.calls {
				fmt.Fprintf(&got, "%s %s\n", c.tool, c.arguments)
				r := d.callWith("", c.tool, c.arguments)
				if r.IsError {
					fmt.Fprintf(&got, "error: %s\n\n", r.Content[0].Text)
					continue
				}
				fmt.Fprintf(&got, "%s\n", indented(t, canonical(t, r.Structured)))
			}
			golden(t, tt.name+".golden", bytes.ReplaceAll(got.Bytes(), []byte(url), []byte("https://jira.example")))
		})
	}
}

// canonical orders what JSON leaves open: keys of maps.
func canonical(t *testing.T, raw []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestToolList compares what clients are shown with testdata: every difference is one that every client and model sees.
func TestToolList(t *testing.T) {
	d := open(t, cloudConfig("https://acme.atlassian.net"))
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`))
	if fault != nil {
		t.Fatal(fault)
	}
	peer := mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest())
	peer.Initialized = true
	var answer struct {
		Result struct {
			Tools []json.RawMessage `json:"tools"`
		} `json:"result"`
	}
	if err := json.Unmarshal(d.server.Answer(t.Context(), peer, m), &answer); err != nil {
		t.Fatal(err)
	}
	var ours []json.RawMessage
	bytesInAll := 0
	for _, raw := range answer.Result.Tools {
		var tool struct {
			Name        string          `json:"name"`
			Annotations map[string]bool `json:"annotations"`
		}
		if err := json.Unmarshal(raw, &tool); err != nil {
			t.Fatal(err)
		}
		if tool.Name == "read_more" {
			continue
		}
		ours = append(ours, raw)
		bytesInAll += len(raw)
		if !tool.Annotations["openWorldHint"] {
			t.Errorf("%s: openWorldHint = false, want true", tool.Name)
		}
		writes := tool.Name == "create_jira_issue" || tool.Name == "transition_jira_issue" || tool.Name == "add_jira_comment"
		if tool.Annotations["readOnlyHint"] == writes {
			t.Errorf("%s: readOnlyHint = %v, want %v", tool.Name, !writes, writes)
		}
		if got, want := tool.Annotations["destructiveHint"], tool.Name == "transition_jira_issue"; got != want {
			t.Errorf("%s: destructiveHint = %v, want %v", tool.Name, got, want)
		}
		t.Logf("%-24s %5d bytes", tool.Name, len(raw))
	}
	if limit := 4 * 3000; bytesInAll > limit {
		t.Errorf("the list has %d bytes, want at most %d: models pay for each", bytesInAll, limit)
	}
	raw, err := json.Marshal(map[string]any{"tools": ours})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "tools.json", indented(t, raw))
}
