package config

import (
	"errors"
	"fmt"
	"strings"
)

// expand replaces the variables in a string of the file, once; what they hold is not looked into again.
//
//	${V}            the variable V, which must be set
//	${V:-default}   default where V is empty or not set
//	${V:?message}   refuses with message where V is empty or not set
//	$${             the two characters ${
//
// A $ before anything else stands for itself.
func expand(text string, lookup func(variable string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		out.WriteString(text[:i])
		inside, rest, closed := strings.Cut(text[i+2:], "}")
		if !closed {
			return "", errors.New("a ${ is not closed: add the }, or write $${ for the two characters") // what follows may be a secret
		}
		value, err := substitute(inside, lookup)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		text = rest
	}
}

// substitute is the value of what stands between the braces.
func substitute(inside string, lookup func(variable string) (string, bool)) (string, error) {
	name, instead, conditional := strings.Cut(inside, ":")
	message, demanded := strings.CutPrefix(instead, "?")
	fallback, optional := strings.CutPrefix(instead, "-")
	if !isVariable(name) || strings.Contains(inside, "${") || conditional && !demanded && !optional {
		return "", errors.New("what stands between ${ and } is not understood: write ${NAME}, ${NAME:-default} or ${NAME:?message}")
	}
	value, set := lookup(name)
	switch {
	case value != "", set && !conditional:
		return value, nil
	case optional:
		return fallback, nil
	case !conditional:
		return "", fmt.Errorf("the variable %s is not set: set it, or write ${%s:-default}", name, name)
	case message == "":
		return "", fmt.Errorf("the variable %s must be set", name)
	}
	return "", fmt.Errorf("the variable %s must be set: %s", name, message)
}

// isVariable is whether name can be a variable's: letters, digits and underscores, no digit first.
func isVariable(name string) bool {
	for i, c := range name {
		letter := c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
