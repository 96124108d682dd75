package config

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"
)

// secretFileSuffix, after the name of a variable that sets a secret, names the variable of a file that holds it.
const secretFileSuffix = "_FILE"

// secretFilePrefix, before a path in the place of a secret, says that the file holds it.
const secretFilePrefix = "file:"

// Secret is a value that is never shown: not by fmt, not in a log, not in JSON or YAML. Reveal it where it is used, as late
// as can be.
type Secret struct{ text string }

// NewSecret makes text a secret.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return s.text }

// IsZero says that there is none.
func (s Secret) IsZero() bool { return s.text == "" }

const hidden = "***"

// String hides the secret.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return hidden
}

// Format hides the secret from every verb, %#v included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON hides the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML hides the secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalText reads the secret itself, or "file:" and the path of the file that holds it, whose last line break does not
// count. Its errors never quote it.
func (s *Secret) UnmarshalText(text []byte) error {
	path, fromFile := strings.CutPrefix(string(text), secretFilePrefix)
	if !fromFile {
		s.text = string(text)
		return nil
	}
	content, err := readSmall(path)
	if err != nil {
		return fmt.Errorf("reading the secret: %w", err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return fmt.Errorf("reading the secret: %s is empty", path)
	}
	s.text = secret
	return nil
}

var _ fmt.Formatter = Secret{}

// Equal compares, in a time that depends on the lengths alone.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.text), []byte(o.text)) == 1
}
