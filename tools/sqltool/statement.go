package sqltool

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxStatement bounds a statement in bytes.
const maxStatement = 64 << 10

// statement is one SQL statement with its named placeholders turned into the database's own. What is not a placeholder is
// as it was written, byte for byte.
type statement struct {
	text  string
	names []string // of the placeholders, each once, in the order in which they first appear
	slots []int    // for each placeholder of text, the name it stands for

	words []string // in lower case, without what stands in quotes and comments
}

// parse reads one statement. The error says why it cannot be served; it does not quote it.
func parse(d dialect, sql string) (statement, error) {
	if len(sql) > maxStatement {
		return statement{}, fmt.Errorf("it has %d bytes; at most %d are taken", len(sql), maxStatement)
	}
	tokens, err := scan(d, sql)
	if err != nil {
		return statement{}, err
	}
	var st statement
	var text strings.Builder
	ended := false
	for _, t := range tokens {
		piece := sql[t.start:t.end]
		switch {
		case t.kind == semicolonToken:
			ended = true
		case ended && t.kind != spaceToken && t.kind != commentToken:
			return statement{}, errors.New("there is a second statement after the semicolon; a tool runs one")
		}
		if ended { // what follows is nothing, and some drivers would take it for another statement
			continue
		}
		switch t.kind {
		case placeholderToken:
			text.WriteString(st.placeholder(d, piece[1:], sql[:t.start], sql[t.end:]))
			continue
		case positionalToken:
			return statement{}, fmt.Errorf("%q has no name: write a placeholder as :name", placeholderAt(sql[t.start:]))
		case wordToken:
			st.words = append(st.words, strings.ToLower(piece))
		}
		text.WriteString(piece)
	}
	if len(st.words) == 0 {
		return statement{}, errors.New("there is no statement")
	}
	st.text = text.String()
	return st, nil
}

// placeholder is how the database writes a placeholder that stands between before and after.
func (st *statement) placeholder(d dialect, name, before, after string) string {
	i := slices.Index(st.names, name)
	if i < 0 {
		i = len(st.names)
		st.names = append(st.names, name)
	}
	if d != postgresDialect {
		st.slots = append(st.slots, i)
		return "?"
	}
	// The server numbers its placeholders, so that one can be used twice.
	if i == len(st.slots) {
		st.slots = append(st.slots, i)
	}
	text := "$" + strconv.Itoa(i+1)
	// Beside a word or a dollar sign it would be read as a part of that.
	if before != "" && (isWord(before[len(before)-1]) || strings.HasSuffix(before, "$")) {
		text = " " + text
	}
	if strings.HasPrefix(after, "$") || after != "" && isWord(after[0]) {
		text += " "
	}
	return text
}

// placeholderAt is the beginning of sql that is shown in a fault.
func placeholderAt(sql string) string {
	end := 1
	for end < len(sql) && isName(sql[end]) {
		end++
	}
	return sql[:end]
}

// has says whether a keyword stands in the statement, outside quotes and comments.
func (st *statement) has(word string) bool { return slices.Contains(st.words, word) }
