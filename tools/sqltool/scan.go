package sqltool

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// dialect is how a kind of database reads SQL.
type dialect int

const (
	sqliteDialect dialect = iota
	postgresDialect
	mysqlDialect
)

// tokenKind is what a piece of a statement is.
type tokenKind int

const (
	spaceToken       tokenKind = iota
	commentToken               // nothing in it counts
	quotedToken                // a string or a quoted name: nothing in it counts
	wordToken                  // a keyword, a name or a number
	placeholderToken           // :name
	positionalToken            // a placeholder that has no name
	semicolonToken
	otherToken // an operator or a bracket
)

// token is one piece of a statement: sql[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

// Why a statement cannot be read.
var (
	errOpenQuote         = errors.New("a quote is never closed")
	errOpenComment       = errors.New("a comment is never closed")
	errExecutableComment = errors.New("/*! and /*M! are not taken: the server would run what stands in such a comment")
	errNotText           = errors.New("it holds a NUL or bytes that are not UTF-8")
)

// scanner cuts SQL into tokens that together are the whole of it. It knows what hides text from the database: quotes and
// comments. What it cannot tell apart it leaves alone.
type scanner struct {
	dialect dialect
	sql     string
	at      int
	tokens  []token

	brackets []byte // that are open, of ( and [
	operand  bool   // what came last could stand before the colon of an array slice
}

// scan cuts sql into tokens.
func scan(d dialect, sql string) ([]token, error) {
	if strings.ContainsRune(sql, 0) || !utf8.ValidString(sql) {
		return nil, errNotText
	}
	s := &scanner{dialect: d, sql: sql}
	for s.at < len(sql) {
		start := s.at
		kind, err := s.next()
		if err != nil {
			return nil, err
		}
		s.tokens = append(s.tokens, token{kind, start, s.at})
	}
	return s.tokens, nil
}

func (s *scanner) peek(offset int) byte {
	if s.at+offset < len(s.sql) {
		return s.sql[s.at+offset]
	}
	return 0
}

func (s *scanner) next() (tokenKind, error) {
	c := s.peek(0)
	switch {
	case isSpace(c):
		for isSpace(s.peek(0)) {
			s.at++
		}
		return spaceToken, nil
	case c == '-' && s.peek(1) == '-' && (s.dialect != mysqlDialect || s.peek(2) <= ' '), c == '#' && s.dialect == mysqlDialect:
		s.line()
		return commentToken, nil
	case c == '/' && s.peek(1) == '*':
		return commentToken, s.comment()
	}
	wasOperand := s.operand
	s.operand = true
	switch {
	case c == '\'', c == '"', c == '`' && s.dialect != postgresDialect:
		backslash := s.dialect == mysqlDialect && c != '`'
		return quotedToken, s.quote(c, backslash)
	case (c == 'E' || c == 'e') && s.peek(1) == '\'' && s.dialect == postgresDialect:
		s.at++
		return quotedToken, s.quote('\'', true)
	case c == '[' && s.dialect == sqliteDialect:
		return quotedToken, s.until("]", errOpenQuote)
	case c == '$' && s.dialect == postgresDialect:
		return s.dollar()
	case isWord(c):
		s.word()
		s.operand = !beforeOperand[strings.ToLower(s.sql[s.begun():s.at])]
		return wordToken, nil
	case c == ':':
		return s.colon(wasOperand), nil
	case c == '?' && s.dialect != postgresDialect, (c == '@' || c == '$' || c == '#') && s.dialect == sqliteDialect:
		s.at++
		return positionalToken, nil
	case c == ';':
		s.at++
		return semicolonToken, nil
	}
	s.at++
	s.operand = c == ')' || c == ']'
	s.bracket(c)
	return otherToken, nil
}

// begun is where the token that is being read began.
func (s *scanner) begun() int {
	if len(s.tokens) == 0 {
		return 0
	}
	return s.tokens[len(s.tokens)-1].end
}

func (s *scanner) bracket(c byte) {
	switch c {
	case '(', '[':
		s.brackets = append(s.brackets, c)
	case ')', ']':
		if len(s.brackets) > 0 {
			s.brackets = s.brackets[:len(s.brackets)-1]
		}
	}
}

// colon reads what begins with a colon: a cast, an assignment, the colon of an array slice, or a placeholder.
func (s *scanner) colon(afterOperand bool) tokenKind {
	s.operand = false
	s.at++
	if next := s.peek(0); next == ':' || next == '=' {
		s.at++
		return otherToken
	}
	inSubscript := s.dialect == postgresDialect && len(s.brackets) > 0 && s.brackets[len(s.brackets)-1] == '['
	if inSubscript && afterOperand || !isNameStart(s.peek(0)) {
		return otherToken
	}
	for isName(s.peek(0)) {
		s.at++
	}
	s.operand = true
	return placeholderToken
}

func (s *scanner) line() {
	if n := strings.IndexByte(s.sql[s.at:], '\n'); n >= 0 {
		s.at += n
		return
	}
	s.at = len(s.sql)
}

// comment reads a comment between /* and */, which nests in PostgreSQL alone.
func (s *scanner) comment() error {
	if s.dialect == mysqlDialect && (s.peek(2) == '!' || s.peek(2) == 'M' && s.peek(3) == '!') {
		return errExecutableComment
	}
	depth := 1
	for s.at += 2; s.at < len(s.sql); s.at++ {
		switch {
		case s.peek(0) == '*' && s.peek(1) == '/':
			s.at++
			if depth--; depth == 0 {
				s.at++
				return nil
			}
		case s.peek(0) == '/' && s.peek(1) == '*' && s.dialect == postgresDialect:
			s.at++
			depth++
		}
	}
	return errOpenComment
}

// quote reads up to the closing quote, which is doubled where it is meant.
func (s *scanner) quote(q byte, backslash bool) error {
	for s.at++; s.at < len(s.sql); s.at++ {
		switch c := s.sql[s.at]; {
		case c == '\\' && backslash:
			s.at++
		case c == q && s.peek(1) == q:
			s.at++
		case c == q:
			s.at++
			return nil
		}
	}
	return errOpenQuote
}

func (s *scanner) until(closing string, open error) error {
	n := strings.Index(s.sql[s.at+1:], closing)
	if n < 0 {
		return open
	}
	s.at += 1 + n + len(closing)
	return nil
}

// dollar reads $tag$…$tag$, or a placeholder such as $1.
func (s *scanner) dollar() (tokenKind, error) {
	if c := s.peek(1); c >= '0' && c <= '9' {
		s.at++
		return positionalToken, nil
	}
	end := s.at + 1
	for end < len(s.sql) && isWord(s.sql[end]) && s.sql[end] != '$' {
		end++
	}
	if end == len(s.sql) || s.sql[end] != '$' {
		s.at++
		return otherToken, nil
	}
	tag := s.sql[s.at : end+1]
	s.at = end
	return quotedToken, s.until(tag, errOpenQuote)
}

// word reads a name, a keyword or a number. A dollar sign may be inside one.
func (s *scanner) word() {
	for c := s.peek(0); isWord(c) || c == '$'; c = s.peek(0) {
		s.at++
	}
}

// beforeOperand are the keywords that a colon can follow within brackets without being that of a slice.
var beforeOperand = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "is": true, "like": true, "ilike": true, "between": true, "case": true,
	"when": true, "then": true, "else": true, "select": true, "distinct": true, "where": true, "limit": true, "offset": true,
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isNameStart(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isName(c byte) bool { return isNameStart(c) || c >= '0' && c <= '9' }

// isWord says whether c can be in a name of the database's; beyond ASCII everything can.
func isWord(c byte) bool { return isName(c) || c >= utf8.RuneSelf }
