package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

// description is a document as a library reads it that we did not write.
func description(t *testing.T, text string) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("validate: %v", err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatalf("route: %v", err)
	}
	return doc, router
}

// TestOpenAPI compares the document of the tests' tools with testdata/openapi.json; -update writes that anew.
func TestOpenAPI(t *testing.T) {
	const golden = "testdata/openapi.json"
	w, _ := restWorld(t)
	got := w.get("/api/openapi.json")
	if again := w.get("/api/openapi.json"); got.status != http.StatusOK || again.body != got.body {
		t.Fatalf("got %d, or something else the second time", got.status)
	}
	doc, _ := description(t, got.body)
	if !doc.IsOpenAPI31OrLater() || doc.Info.Version != "test" || len(doc.Security) != 0 {
		t.Errorf("got %s, version %s, security %v, want 3.1, test and none", doc.OpenAPI, doc.Info.Version, doc.Security)
	}
	var shown bytes.Buffer
	if err := json.Indent(&shown, []byte(got.body), "", "  "); err != nil {
		t.Fatal(err)
	}
	shown.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, shown.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), shown.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOpenAPIShowsWhatTheCallerMay: and how it shows who it is, and where the server is in its eyes.
func TestOpenAPIShowsWhatTheCallerMay(t *testing.T) {
	w, _ := restWorld(t, withKeys, func(c *config.Config) {
		c.Server.PublicURL = "https://tools.example.com/gate"
		c.Server.TrustedProxies = []string{"127.0.0.1"}
	})
	read, _ := description(t, w.get("/api/openapi.json", w.bearer("reader")).body)
	written, _ := description(t, w.get("/api/openapi.json", w.bearer("writer")).body)
	if read.Paths.Value("/api/tools/write") != nil || written.Paths.Value("/api/tools/write") == nil {
		t.Error("want write for the writer alone")
	}
	if written.Paths.Value("/api/tools/job") != nil {
		t.Error("want no tool that runs as a task alone")
	}
	if len(read.Security) != 2 || len(read.Components.SecuritySchemes) != 2 {
		t.Errorf("security: got %v, want both ways to send a key", read.Security)
	}
	if got := read.Servers[0].URL; got != "https://tools.example.com/gate" {
		t.Errorf("server: got %s, want public_url", got)
	}
	forwarded, _ := description(t, w.get("/api/openapi.json", w.bearer("reader"), "X-Forwarded-Prefix: /inner").body)
	if got := forwarded.Servers[0].URL; got != "/inner" {
		t.Errorf("server behind a proxy: got %s, want its prefix", got)
	}
}

// TestAnswersFitTheDescription: requests and answers of real calls are held against the document.
func TestAnswersFitTheDescription(t *testing.T) {
	w, _ := restWorld(t)
	_, router := description(t, w.get("/api/openapi.json").body)
	for _, tt := range []struct {
		tool, body string
		status     int
		bad        bool // the request does not fit
	}{
		{"add", `{"a":1,"b":2}`, 200, false},
		{"add", `{"a":1}`, 400, true},
		{"add", `{"a":"1","b":2}`, 400, true},
		{"text", ``, 200, false},
		{"texts", `{}`, 200, false},
		{"picture", `{}`, 200, false},
		{"loose", `{}`, 200, false},
		{"tree", `{"root":{"children":[{"children":[]}]}}`, 200, false},
		{"tree", `{"root":{"children":[{"children":7}]}}`, 400, true},
		{"refuse", `{}`, 422, false},
		{"refuse_richly", `{}`, 422, false},
		{"break", `{}`, 500, false},
	} {
		t.Run(tt.tool+tt.body, func(t *testing.T) {
			target := "/api/tools/" + tt.tool
			request, err := http.NewRequest(http.MethodPost, target, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			route, params, err := router.FindRoute(request)
			if err != nil {
				t.Fatal(err)
			}
			input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route}
			if err := openapi3filter.ValidateRequest(context.Background(), input); (err != nil) != tt.bad {
				t.Errorf("the request: got %v, want it to fit: %v", err, !tt.bad)
			}
			got := w.post(target, tt.body)
			if got.status != tt.status {
				t.Fatalf("got %d %s, want %d", got.status, got.body, tt.status)
			}
			err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
				RequestValidationInput: input, Status: got.status, Header: got.header, Body: io.NopCloser(strings.NewReader(got.body)),
			})
			if err != nil {
				t.Errorf("the answer %s: %v", got.body, err)
			}
		})
	}
}

func TestMoveRefs(t *testing.T) {
	for _, tt := range []struct{ name, schema, want string }{
		{"within", `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#"}}}`, `{"$ref":"#/c/x/$defs/a","$defs":{"a":{"$ref":"#/c/x"}}}`},
		{"in arrays", `{"anyOf":[{"$ref":"#/a"},{"items":{"$ref":"#/b"}}]}`, `{"anyOf":[{"$ref":"#/c/x/a"},{"items":{"$ref":"#/c/x/b"}}]}`},
		{"a property of that name", `{"properties":{"$ref":{"$ref":"#/a"},"default":{"$ref":"#/b"}}}`, `{"properties":{"$ref":{"$ref":"#/c/x/a"},"default":{"$ref":"#/c/x/b"}}}`},
		{"values", `{"const":{"$ref":"#/a"},"enum":[{"$ref":"#/a"}],"default":{"$ref":"#/a"}}`, `{"const":{"$ref":"#/a"},"enum":[{"$ref":"#/a"}],"default":{"$ref":"#/a"}}`},
		{"elsewhere", `{"$ref":"https://example.com/a#/b"}`, `{"$ref":"https://example.com/a#/b"}`},
		{"by anchor", `{"$ref":"#node"}`, `{"$ref":"#node"}`},
		{"a root of its own", `{"$id":"https://example.com/a","$ref":"#/b"}`, `{"$id":"https://example.com/a","$ref":"#/b"}`},
		{"numbers and order", `{"z":1.0,"a":12345678901234567890}`, `{"z":1.0,"a":12345678901234567890}`},
		{"not a reference", `{"dependentRequired":{"$ref":["a"]}}`, `{"dependentRequired":{"$ref":["a"]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := moveRefs([]byte(tt.schema), "#/c/x")
			if err != nil || strings.TrimSpace(string(got)) != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
	if _, err := moveRefs([]byte(`{"a":`), "#"); err == nil {
		t.Error("half a schema: got no error")
	}
}
