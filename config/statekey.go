package config

import (
	"bytes"
	"fmt"
	"os"
)

// StateKey reads the file of the key that replicas share; nil where none is named. Space around the key does not count.
func (m MCP) StateKey() ([]byte, error) {
	if m.StateKeyFile == "" {
		return nil, nil
	}
	key, err := os.ReadFile(m.StateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("mcp.state_key_file: %w", err)
	}
	return bytes.TrimSpace(key), nil
}
