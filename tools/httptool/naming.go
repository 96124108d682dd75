package httptool

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"
)

// Limits of names made of others.
const (
	maxToolName     = 40 // of a tool; declare.Tool.Check has the reason
	maxArgumentName = 64
	maxPrefix       = 20
	hashedName      = 6 // characters that tell shortened names apart
)

var (
	toolPrefix    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	notInTool     = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
	notInArgument = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
)

// toolNameOf makes a tool's name of an operation's: what cannot be in one becomes _, and what is too long is cut, with a
// hash of the whole at its end. The same operation always has the same name.
func toolNameOf(prefix, operation string) (name string, shortened bool) {
	name = prefix + strings.Trim(notInTool.ReplaceAllString(operation, "_"), "_-")
	if !toolPrefix.MatchString(name) {
		name = "op_" + name
	}
	if len(name) <= maxToolName {
		return name, false
	}
	return short(name, maxToolName), true
}

// argumentNameOf makes a property's name of a parameter's.
func argumentNameOf(parameter string) string {
	name := strings.Trim(notInArgument.ReplaceAllString(parameter, "_"), "_")
	if name == "" {
		name = "argument"
	}
	if len(name) > maxArgumentName {
		return short(name, maxArgumentName)
	}
	return name
}

var (
	wordEdge     = regexp.MustCompile(`([\p{Ll}0-9])(\p{Lu})`)
	betweenWords = regexp.MustCompile(`[^\pL\pN]+`)
)

// words is a name as a person would say it: createdAfter and created[after] are "Created after".
func words(name string) string {
	text := []rune(strings.TrimSpace(betweenWords.ReplaceAllString(wordEdge.ReplaceAllString(name, "$1 $2"), " ")))
	if len(text) == 0 {
		return name
	}
	return string(unicode.ToUpper(text[0])) + strings.ToLower(string(text[1:]))
}

func short(name string, limit int) string {
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:limit-hashedName-1], "_-") + "_" + hex.EncodeToString(sum[:])[:hashedName]
}
