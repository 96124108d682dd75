// Demo serves one configuration with every kind of tool that can be declared: a SQLite file, a local HTTP API and a folder
// of documents, all made of what is embedded here. `make demo` runs it.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the shop's database
)

//go:embed shop.sql toolgate.yaml warehouse.yaml handbook
var data embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// run lays the data out in a folder, serves the warehouse, and runs Toolgate there until ctx ends.
func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	program := flags.String("toolgate", "bin/toolgate", "the `program` to run")
	dir := flags.String("dir", "bin/demo", "the `folder` to lay the data out in; what is there is replaced")
	port := flags.Int("warehouse-port", 3010, "the port of the HTTP API")
	if err := flags.Parse(args); err != nil {
		return err
	}
	toolgate, err := filepath.Abs(*program)
	if err != nil {
		return err
	}
	if err := layOut(ctx, *dir); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return fmt.Errorf("%w: -warehouse-port takes another port", err)
	}
	api := &http.Server{Handler: newWarehouse().routes(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- api.Serve(listener) }()
	defer func() {
		_ = api.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, fmt.Errorf("serve the warehouse: %w", ended))
		}
	}()
	cmd := exec.CommandContext(ctx, toolgate, append([]string{"serve", "--log.format", "console"}, flags.Args()...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = *dir, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("WAREHOUSE_PORT=%d", listener.Addr().(*net.TCPAddr).Port))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	fmt.Println("The demo is served at http://localhost:3002/mcp; its data is in", *dir)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", *program, err)
	}
	return nil
}

// layOut writes the embedded files into dir and makes the database.
func layOut(ctx context.Context, dir string) error {
	err := fs.WalkDir(data, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, path)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		content, err := data.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o644)
	})
	if err != nil {
		return fmt.Errorf("lay out the data: %w", err)
	}
	return makeShop(ctx, filepath.Join(dir, "shop.db"))
}

func makeShop(ctx context.Context, path string) (err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	statements, err := data.ReadFile("shop.sql")
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, string(statements)); err != nil {
		return fmt.Errorf("make the shop's database: %w", err)
	}
	return nil
}
