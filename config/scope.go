package config

import (
	"regexp"
	"strings"
)

// ownScope is what an operator's own scopes look like.
var ownScope = regexp.MustCompile(`^[a-z][a-z0-9_.-]*:[a-z0-9_.:-]+$`)

// IsScope says whether a key may hold a scope: one of the server's, or an operator's own. What begins as the server's do
// and is none of them is a slip of the pen.
func IsScope(scope string) bool {
	switch scope {
	case "tools:read", "tools:write", "admin":
		return true
	}
	return ownScope.MatchString(scope) && !strings.HasPrefix(scope, "tool")
}
