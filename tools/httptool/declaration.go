package httptool

import (
	"time"

	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/tools/internal/declare"
)

// declaration is what an operator writes under tools.http.
type declaration struct {
	Private []string                  `yaml:"private"` // hosts, HOST or HOST:PORT, that may have addresses of a private network
	APIs    map[string]apiDeclaration `yaml:"apis"`
	Tools   []toolDeclaration         `yaml:"tools"`
}

// apiDeclaration is an API that several tools ask, and the OpenAPI document that some of them are made of.
type apiDeclaration struct {
	At         config.Position
	URL        string                   `yaml:"url"`         // where every request goes
	Headers    map[string]config.Secret `yaml:"headers"`     // sent with every request
	Query      map[string]config.Secret `yaml:"query"`       // sent with every request
	Timeout    *time.Duration           `yaml:"timeout"`     // one request, retries included
	MaxBody    *config.Bytes            `yaml:"max_body"`    // of an answer
	Cache      *time.Duration           `yaml:"cache"`       // how long an answer to a GET serves again
	Caller     string                   `yaml:"caller"`      // the name of the credential that callers may bring
	CallerOnly bool                     `yaml:"caller_only"` // no call without one
	CallerAs   string                   `yaml:"caller_as"`   // the header in which it is sent; empty: Authorization

	OpenAPI    string   `yaml:"openapi"`    // a file, from the working folder
	Operations []string `yaml:"operations"` // operationId, METHOD /path, or * for all
	Tags       []string `yaml:"tags"`       // operations that have one of these
	Prefix     string   `yaml:"prefix"`     // before the names of tools made of operations
	Reads      []string `yaml:"reads"`      // operations that change nothing though their method is POST, as searches are
}

// toolDeclaration is one tool. Its texts may hold {name} of its parameters.
type toolDeclaration struct {
	At          config.Position
	Name        string              `yaml:"name"`
	Title       string              `yaml:"title"`
	Description string              `yaml:"description"`
	API         string              `yaml:"api"` // one of APIs, or
	URL         string              `yaml:"url"` // the address in full
	Method      string              `yaml:"method"`
	Path        string              `yaml:"path"`
	Query       map[string]string   `yaml:"query"`
	Headers     map[string]string   `yaml:"headers"`
	Body        *yaml.Node          `yaml:"body"` // JSON, or
	BodyText    *string             `yaml:"body_text"`
	ContentType string              `yaml:"content_type"` // of BodyText
	Parameters  []declare.Parameter `yaml:"parameters"`
	Response    responseDeclaration `yaml:"response"`
	Write       *bool               `yaml:"write"`       // not written: true but for GET and HEAD
	Destructive *bool               `yaml:"destructive"` // not written: true for DELETE
	Idempotent  *bool               `yaml:"idempotent"`  // not written: true for PUT and DELETE
	OpenWorld   *bool               `yaml:"open_world"`  // not written: true
	Timeout     *time.Duration      `yaml:"timeout"`
}

// responseDeclaration is what becomes of an answer.
type responseDeclaration struct {
	JQ     string     `yaml:"jq"`     // what of the JSON is the result
	Text   bool       `yaml:"text"`   // it is text whatever it is called
	Schema *yaml.Node `yaml:"schema"` // of the result: an object
}
