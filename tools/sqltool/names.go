package sqltool

import (
	"context"
	"sync"
	"time"
)

// namesKept is how long completions do with the names that were read: they come with every key, and a database should not
// be asked as often.
const namesKept = 5 * time.Second

// tableNames are the names of a database's tables as completions propose them, at most namesKept old. Several goroutines
// may use it.
type tableNames struct {
	mu    sync.Mutex
	names []string // not to be changed once they are here
	until time.Time
}

// tableNames are those of the tables that may be shown. The caller does not change them.
func (p *Pack) tableNames(ctx context.Context, db *database) ([]string, error) {
	kept := &db.names
	kept.mu.Lock()
	names, fresh := kept.names, time.Now().Before(kept.until)
	kept.mu.Unlock()
	if fresh {
		return names, nil
	}
	found, err := p.tables(ctx, db)
	if err != nil {
		return nil, err
	}
	names = make([]string, len(found))
	for i, t := range found {
		names[i] = t.Name
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	kept.names, kept.until = names, time.Now().Add(namesKept)
	return names, nil
}
