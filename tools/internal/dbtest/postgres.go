package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres starts a PostgreSQL server. Its DSN is the superuser's. The caller closes it.
func Postgres() (*Server, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is good
	slices.Sort(folders)
	if len(folders) == 0 {
		if found, err := exec.LookPath("initdb"); err == nil {
			folders = []string{filepath.Dir(found)}
		}
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("PostgreSQL is not installed: %w", errMissing)
	}
	bin := folders[len(folders)-1]
	as, err := account("postgres")
	if err != nil {
		return nil, err
	}
	s, err := newServer("postgres", as)
	if err != nil {
		return nil, err
	}
	s.end = syscall.SIGINT // fast shutdown
	s.DSN = "host=" + s.folder + " user=postgres dbname=postgres sslmode=disable"
	data := filepath.Join(s.folder, "data")
	err = s.prepare(as, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=postgres", "--auth=trust", "--no-sync",
		"--encoding=UTF8", "--locale=C")
	if err == nil {
		err = s.start(as, func(ctx context.Context) error {
			c, err := pgconn.Connect(ctx, s.DSN)
			if err != nil {
				return err
			}
			return c.Close(ctx)
		}, filepath.Join(bin, "postgres"), "-D", data, "-k", s.folder, "-c", "listen_addresses=", "-c", "fsync=off",
			"-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
