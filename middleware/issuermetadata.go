package middleware

import (
	"context"
	"sync"
	"time"
)

const (
	metadataFor   = 10 * time.Minute // an issuer's metadata is passed on before it is fetched again
	metadataAgain = 30 * time.Second // between two attempts that fail, whoever asks
)

// issuerMetadata is the metadata of one issuer, which is fetched when somebody asks, and kept for a while. Safe for concurrent
// use.
type issuerMetadata struct {
	issuer string

	mu       sync.Mutex
	document []byte
	fetched  time.Time
	asked    time.Time
	err      error
}

// get is the JSON document as the issuer wrote it, asked for by far. It may wait for the issuer, and for others who wait for it. One that cannot
// be fetched anew stays good.
func (m *issuerMetadata) get(ctx context.Context, far *issuerClient) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stale := m.document == nil || time.Since(m.fetched) >= metadataFor
	if stale && time.Since(m.asked) >= metadataAgain {
		m.asked = time.Now()
		// The answer is everybody's: it is not given up because the first who asked has gone.
		ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), far.timeout)
		defer cancel()
		var document []byte
		if document, m.err = far.metadata(ask, m.issuer); m.err == nil {
			m.document, m.fetched = document, m.asked
		}
	}
	if m.document == nil {
		return nil, m.err
	}
	return m.document, nil
}
