package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogOpen(t *testing.T) {
	t.Run("stderr at once, one object a line, with the level's bound", func(t *testing.T) {
		var stderr bytes.Buffer
		log, _, done, err := Log{Level: "warn", Format: LogJSON}.Open(&stderr)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("not this")
		log.Warn("this\nline")
		var line struct{ Level, Time, Msg string }
		if err := json.Unmarshal(stderr.Bytes(), &line); err != nil {
			t.Fatalf("not one JSON object: %v: %q", err, stderr.String())
		}
		if line.Level != "warn" || line.Msg != "this\nline" || line.Time == "" {
			t.Errorf("line = %+v", line)
		}
		done()
	})
	t.Run("a file holds every line after done", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "toolgate.log")
		log, _, done, err := Log{Level: "info", Format: LogConsole, File: file}.Open(new(bytes.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		log.Info("kept")
		done()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "kept") {
			t.Errorf("file = %q", text)
		}
	})
	t.Run("faults name the key", func(t *testing.T) {
		for key, log := range map[string]Log{
			"log.level": {Level: "loud"},
			"log.file":  {Level: "info", File: filepath.Join(t.TempDir(), "no", "such", "folder")},
		} {
			if _, _, _, err := log.Open(new(bytes.Buffer)); err == nil || !strings.HasPrefix(err.Error(), key) {
				t.Errorf("err = %v, want one that begins with %s", err, key)
			}
		}
	})
}
