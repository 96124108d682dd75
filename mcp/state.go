package mcp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// stateTTL is how long a client may take to answer what it was asked for.
const stateTTL = 10 * time.Minute

// stateVersion begins every sealed state.
const stateVersion = "v1."

// stateText is how a state is written: each in one way only.
var stateText = base64.RawURLEncoding.Strict()

// sealer makes the state that a client carries from one request to the next: sealed (AES-GCM), so that the client can
// neither read nor change it, and bound to one principal and request, so that it is good for nothing else. Who has the key
// can go on, so replicas share it.
type sealer struct{ aead cipher.AEAD }

// newSealer takes a key of at least 32 bytes, or makes one for this process where key is empty.
func newSealer(key []byte) (*sealer, error) {
	if len(key) == 0 {
		key = make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
	}
	if len(key) < 32 {
		return nil, errors.New("the state key needs at least 32 bytes")
	}
	sum := sha256.Sum256(key)
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

type sealed struct {
	Until int64                     `json:"u"` // Unix seconds
	Given map[string]jsontext.Value `json:"g"`
}

func (s *sealer) seal(given map[string]jsontext.Value, binding []byte) string {
	plain, err := json.Marshal(sealed{Until: time.Now().Add(stateTTL).Unix(), Given: given})
	if err != nil {
		panic(err) // JSON values that were decoded can be encoded
	}
	return stateVersion + stateText.EncodeToString(s.aead.Seal(nil, nil, plain, binding))
}

var errBadState = errors.New("not a state of this server's")

func (s *sealer) open(state string, binding []byte) (map[string]jsontext.Value, error) {
	text, ok := strings.CutPrefix(state, stateVersion)
	box, err := stateText.DecodeString(text)
	if !ok || err != nil || len(text) != stateText.EncodedLen(len(box)) { // line ends are passed over in decoding
		return nil, errBadState
	}
	plain, err := s.aead.Open(nil, nil, box, binding)
	if err != nil {
		return nil, errBadState
	}
	var opened sealed
	if err := json.Unmarshal(plain, &opened); err != nil || time.Now().Unix() > opened.Until {
		return nil, errBadState
	}
	if opened.Given == nil {
		opened.Given = map[string]jsontext.Value{}
	}
	return opened.Given, nil
}

// digest names arguments whatever their spelling.
func digest(arguments jsontext.Value) []byte {
	canonical := arguments.Clone()
	if len(canonical) == 0 {
		canonical = jsontext.Value("{}")
	}
	if err := canonical.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil { // large integers stay different
		canonical = arguments
	}
	sum := sha256.Sum256(canonical)
	return sum[:]
}
