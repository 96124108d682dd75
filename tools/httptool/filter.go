package httptool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"toolgate/mcp"
)

// Bounds of a filter's run: what an upstream answers must not make it run on.
const (
	filterTime    = 2 * time.Second
	filterOutputs = 100_000
)

// filter is a jq program over an answer. It can reach nothing but the answer.
type filter struct {
	code *gojq.Code
	many bool // its outputs make a list, however many they are
}

// parseFilter compiles a jq program.
func parseFilter(text string) (*filter, error) {
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("it cannot be used: %w", err)
	}
	return &filter{code: code, many: streams(query)}, nil
}

// run is what the filter makes of a JSON value. It blocks for at most filterTime.
func (f *filter) run(ctx context.Context, value []byte) (result []byte, err error) {
	d := json.NewDecoder(strings.NewReader(string(value)))
	d.UseNumber() // numbers of identifiers are often longer than a float64 holds
	var input any
	if err := d.Decode(&input); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, filterTime)
	defer cancel()
	outputs := []any{}
	for results := f.code.RunWithContext(limited, input); ; {
		output, more := results.Next()
		if !more {
			break
		}
		if err, failed := output.(error); failed {
			var halted *gojq.HaltError
			switch {
			case errors.As(err, &halted) && halted.Value() == nil:
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case limited.Err() != nil:
				return nil, mcp.ToolErrorf("the answer takes longer than %s to filter: ask for less", filterTime)
			default:
				return nil, mcp.ToolErrorf("the answer is not as this tool's filter expects it: %s", plain(err.Error(), maxMessage))
			}
			break
		}
		if outputs = append(outputs, output); len(outputs) > filterOutputs {
			return nil, mcp.ToolErrorf("the answer has more than %d entries: ask for less", filterOutputs)
		}
	}
	switch {
	case f.many || len(outputs) > 1:
		return gojq.Marshal(outputs)
	case len(outputs) == 0:
		return []byte("null"), nil
	}
	return gojq.Marshal(outputs[0])
}

// generators are the functions of jq that have any number of outputs.
var generators = []string{
	"combinations", "fromstream", "leaf_paths", "limit", "match", "paths", "range", "recurse", "repeat", "scan", "skip", "splits",
	"tostream", "truncate_stream", "while",
}

// streams says, by the look of a program, whether it has any number of outputs, so that the shape of its result does not
// change with how many there happen to be. What is in [] and in the arguments of functions does not count.
func streams(q *gojq.Query) bool {
	if q == nil {
		return false
	}
	own := slices.Clone(generators)
	for _, def := range q.FuncDefs {
		if streams(def.Body) {
			own = append(own, def.Name)
		}
	}
	return streamsWith(q, own)
}

func streamsWith(q *gojq.Query, generators []string) bool {
	if q == nil {
		return false
	}
	switch q.Op {
	case gojq.OpComma:
		return true
	case gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul, gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt, gojq.OpAssign:
		return false
	}
	return streamsWith(q.Left, generators) || streamsWith(q.Right, generators) || termStreams(q.Term, generators)
}

func termStreams(t *gojq.Term, generators []string) bool {
	if t == nil {
		return false
	}
	for _, suffix := range t.SuffixList {
		if suffix.Iter {
			return true
		}
	}
	some := func(queries ...*gojq.Query) bool {
		return slices.ContainsFunc(queries, func(q *gojq.Query) bool { return streamsWith(q, generators) })
	}
	switch t.Type {
	case gojq.TermTypeRecurse, gojq.TermTypeForeach:
		return true
	case gojq.TermTypeFunc:
		return slices.Contains(generators, t.Func.Name)
	case gojq.TermTypeObject:
		return slices.ContainsFunc(t.Object.KeyVals, func(kv *gojq.ObjectKeyVal) bool { return some(kv.KeyQuery, kv.Val) })
	case gojq.TermTypeIf:
		return some(t.If.Cond, t.If.Then, t.If.Else) ||
			slices.ContainsFunc(t.If.Elif, func(e *gojq.IfElif) bool { return some(e.Cond, e.Then) })
	case gojq.TermTypeTry:
		return some(t.Try.Body, t.Try.Catch)
	case gojq.TermTypeLabel:
		return some(t.Label.Body)
	case gojq.TermTypeQuery:
		return some(t.Query)
	case gojq.TermTypeUnary:
		return termStreams(t.Unary.Term, generators)
	}
	return false
}
