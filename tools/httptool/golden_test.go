package httptool

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/tools/internal/declare"
)

var update = flag.Bool("update", false, "write testdata anew")

// imported is the document in testdata with most of what can be chosen from it.
const imported = `
apis:
  orders:
    url: https://orders.example.com/v2
    headers: {Authorization: Bearer abcdefgh}
    openapi: testdata/orders.yaml
    tags: [orders, inventory]
    prefix: orders_
    reads: [searchOrders]
`

const byHand = `
apis:
  orders:
    url: https://orders.example.com/v2
    headers: {Authorization: Bearer abcdefgh}
tools:
  - name: get_order
    description: One order with its lines.
    api: orders
    path: /orders/{id}
    query: {expand: lines, status: "{status}"}
    parameters:
      - {name: id, description: Id of the order.}
      - {name: status, description: Its state., enum: [open, paid], required: false}
    response:
      schema:
        type: object
        required: [id]
        properties:
          id: {type: string, description: Its id.}
          lines: {$ref: '#/$defs/lines'}
        $defs:
          lines: {type: array, description: What was ordered., items: {type: string}}
  - name: cancel_order
    title: Cancel an order for good
    description: Cancels an order.
    api: orders
    method: delete
    path: /orders/{id}
    parameters:
      - {name: id, description: Id of the order., sensitive: true}
  - name: read_manual
    description: The manual of the shop.
    url: https://www.example.com/manual.txt
    open_world: false
    response: {text: true}
`

// TestLists compares what clients are shown with testdata. A difference is a change that every client and every model
// sees: after looking at it, accept it with
//
//	go test ./tools/httptool -run TestLists -update
func TestLists(t *testing.T) {
	for name, text := range map[string]string{"imported": imported, "declared": byHand} {
		t.Run(name, func(t *testing.T) {
			d := open(t, text)
			var answer struct {
				Result struct{ Tools []json.RawMessage }
			}
			if err := json.Unmarshal(d.ask("tools/list", `{}`), &answer); err != nil {
				t.Fatal(err)
			}
			compact, err := json.Marshal(answer.Result.Tools[:len(d.pack.operations)])
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, compact, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (run with -update to make it)", err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

func TestEverySchemaIsTakenByEveryModelAPI(t *testing.T) {
	for _, text := range []string{imported, byHand} {
		for _, o := range open(t, text).pack.operations {
			if faults := declare.Lint(o.input); len(faults) > 0 {
				t.Errorf("%s: input schema: %q", o.tool.Name, faults)
			}
			if faults := declare.Lint(o.output); len(faults) > 0 {
				t.Errorf("%s: output schema: %q", o.tool.Name, faults)
			}
		}
	}
}
