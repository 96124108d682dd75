package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.uber.org/zap"
)

// useEvery is how often the last use of keys is written: an operator asks for days, not seconds.
const useEvery = time.Minute

// LastUse is when keys were last used, by their ids.
type LastUse map[string]time.Time

// UseFile is where the last use of a file's keys is kept: beside it, so that the file itself stays its operator's.
func (f KeyFile) UseFile() string { return string(f) + ".used" }

// LastUse reads when the file's keys were last used, as a server has noted; empty where none has.
func (f KeyFile) LastUse() (LastUse, error) {
	text, err := os.ReadFile(f.UseFile())
	if errors.Is(err, fs.ErrNotExist) {
		return LastUse{}, nil
	}
	uses := LastUse{}
	if err == nil {
		err = json.Unmarshal(text, &uses)
	}
	if err != nil {
		return LastUse{}, fmt.Errorf("read the last use of keys: %w", err)
	}
	return uses, nil
}

// NoteUse writes when the store's keys were last used, each minute and at the end of ctx, where something is new. It
// blocks until then. file is asked each time, and must be safe for concurrent use: it names the file that the keys are of by the
// configuration in force, or none, and then nothing is kept. Nothing is kept either while the store still uses another file's
// keys. A file that cannot be written is said once, and is no reason to stop.
func (s *KeyStore) NoteUse(ctx context.Context, file func() KeyFile, log *zap.Logger) {
	tick := time.NewTicker(useEvery)
	defer tick.Stop()
	var warned KeyFile // of which it was said
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		if f := file(); f != "" {
			if err := s.writeUse(f); err != nil && warned != f {
				warned = f
				log.Warn("the last use of API keys is not kept", zap.Error(err))
			}
		}
	}
}

// writeUse adds what this process knows to what the file says: others may use it too.
func (s *KeyStore) writeUse(f KeyFile) error {
	keys := s.keys.Load()
	if keys == nil || keys.file != f {
		return nil
	}
	known, _ := f.LastUse() // one that cannot be read is written anew
	changed := false
	uses := LastUse{}
	for principal, k := range keys.byID {
		id := principal[len(keyPrincipal):]
		if last, ok := known[id]; ok {
			uses[id] = last
		}
		if at := time.Unix(k.used.Load(), 0).UTC(); k.used.Load() > 0 && at.After(uses[id]) {
			uses[id], changed = at, true
		}
	}
	if !changed {
		return nil
	}
	text, err := json.MarshalIndent(uses, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the last use of keys: %w", err)
	}
	return ReplaceFile(f.UseFile(), append(text, '\n'))
}
