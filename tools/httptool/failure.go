package httptool

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"

	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// maxMessage is how many characters of what an upstream says of an error are passed on.
const maxMessage = 500

// credentialLike is what looks like a credential in what an upstream says.
var credentialLike = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}|://[^/\s@]+@`)

// refused is a failed request as a model reads it: the upstream and its status, what can be done, and what the upstream
// says of it without the secrets.
func refused(err error, secrets []string) error {
	var failed *egress.Error
	told := egress.ToolError(err)
	var tool *mcp.ToolError
	if !errors.As(err, &failed) || !errors.As(told, &tool) {
		return told
	}
	message := reason(failed.Body)
	for _, secret := range secrets {
		message = strings.ReplaceAll(message, secret, "***")
	}
	message = plain(credentialLike.ReplaceAllString(message, "***"), maxMessage)
	if message == "" {
		return told
	}
	return &mcp.ToolError{Message: tool.Message + ". It says: " + message, RetryAfter: tool.RetryAfter}
}

// reason is what an answer says is wrong; empty where it says nothing, or is a web page.
func reason(body []byte) string {
	var said any
	if json.Unmarshal(body, &said) == nil {
		if text := reasonIn(said, 0); text != "" {
			return text
		}
		return string(body)
	}
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") {
		return ""
	}
	return text
}

// reasonIn looks where APIs put what they say: problem documents (RFC 9457), OAuth, GraphQL, and what most others do.
func reasonIn(said any, depth int) string {
	const deepest = 4
	if depth > deepest {
		return ""
	}
	switch v := said.(type) {
	case string:
		return v
	case []any:
		var all []string
		for _, one := range v {
			if text := reasonIn(one, depth+1); text != "" {
				all = append(all, text)
			}
		}
		return strings.Join(all, "; ")
	case map[string]any:
		var all []string
		for _, key := range []string{"title", "message", "error_description", "detail", "error", "errorMessages", "errors", "reason", "description", "fault"} {
			if text := reasonIn(v[key], depth+1); text != "" && !strings.Contains(strings.Join(all, "; "), text) {
				all = append(all, text)
			}
		}
		return strings.Join(all, "; ")
	}
	return ""
}

// plain is text on one line, of at most limit characters, without what is not seen or turns the direction of text.
func plain(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
