package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/handlers"
	"toolgate/mcp"
	"toolgate/tools"
)

// lookup is the query of find_orders in toolgate.yaml, as it stands there.
const lookup = `SELECT o.id, c.name AS customer, o.placed, o.status, round(sum(l.quantity * p.price), 2) AS euros
FROM orders o
JOIN customers c ON c.id = o.customer
JOIN order_lines l ON l.order_id = o.id
JOIN products p ON p.sku = l.sku
WHERE c.name LIKE '%' || :customer || '%' AND (:status IS NULL OR o.status = :status)
GROUP BY o.id ORDER BY o.placed DESC LIMIT :limit`

// BenchmarkLookup asks the shop the same question in two ways, in turn: by database/sql in this process, and as a declared
// tool through POST /mcp over TCP, with every gate on. p50-ratio is what the second costs beside the first.
func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	if err := layOut(b.Context(), dir); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	query, err := db.PrepareContext(b.Context(), lookup)
	if err != nil {
		b.Fatal(err)
	}
	url := served(b, dir)
	message := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find_orders","arguments":{"customer":"Vos"}}}`)
	var direct, through []time.Duration
	for b.Loop() {
		started := time.Now()
		inProcess(b, query)
		direct = append(direct, time.Since(started))
		started = time.Now()
		throughMCP(b, url, message)
		through = append(through, time.Since(started))
	}
	p50 := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2].Microseconds()) }
	b.ReportMetric(p50(direct), "p50-direct-µs")
	b.ReportMetric(p50(through), "p50-mcp-µs")
	b.ReportMetric(p50(through)/p50(direct), "p50-ratio")
}

func inProcess(b *testing.B, query *sql.Stmt) {
	rows, err := query.QueryContext(b.Context(), sql.Named("customer", "Vos"), sql.Named("status", nil), sql.Named("limit", 10))
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id int
		var customer, placed, status string
		var euros float64
		if err := rows.Scan(&id, &customer, &placed, &status, &euros); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil || n != 10 {
		b.Fatalf("%d rows, %v, want 10", n, err)
	}
}

func throughMCP(b *testing.B, url string, message []byte) {
	answer, err := http.Post(url, "application/json", bytes.NewReader(message))
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || bytes.Count(body, []byte(`\"euros\"`)) != 10 {
		b.Fatalf("%d %s, %v, want 10 rows", answer.StatusCode, body, err)
	}
}

// served is the URL of a server of the demo's configuration in dir, with its log in a file.
func served(b *testing.B, dir string) string {
	b.Helper()
	b.Chdir(dir)
	gin.SetMode(gin.ReleaseMode)
	file := filepath.Join(dir, "toolgate.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	const kept = "find_orders: {cache_ttl: 10s}"
	if !bytes.Contains(text, []byte(kept)) {
		b.Fatalf("the configuration has no %q to take out: results would be kept", kept)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(kept), nil, 1), 0o600); err != nil {
		b.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	source := config.Source{Dir: dir, Flags: map[string]string{"limits.rates.address": "off", "log.file": log.Name()}}
	cfg, _, err := config.Load(source)
	if err != nil {
		b.Fatal(err)
	}
	logger, _, done, err := cfg.Log.Open(io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(done)
	box, err := tools.Open(cfg.Tools, tools.Options{Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { box.Close(b.Context()) })
	metrics := handlers.NewMetrics("bench")
	server, err := mcp.NewServer(box.Features(), mcp.Options{Info: mcp.Implementation{Name: "bench", Version: "1"}, Observer: metrics.Observer(nil)})
	if err != nil {
		b.Fatal(err)
	}
	registry, err := mcp.NewRegistry(server, mcp.RegistryOptions{Sessions: 10, PerPrincipal: 10, PerAddress: 10, Inbox: 10, OutboxEvents: 10, OutboxBytes: 1 << 20, Calls: 10})
	if err != nil {
		b.Fatal(err)
	}
	api, err := handlers.New(handlers.Options{Config: cfg, Version: "bench", Server: server, Sessions: registry, Metrics: metrics.Handler(), Log: logger})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := handlers.NewHTTPServer(api, logger)
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	b.Cleanup(func() {
		_ = web.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			b.Errorf("the server ended with %v", err)
		}
	})
	return fmt.Sprintf("http://%s/mcp", listener.Addr())
}
