package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// MariaDB starts a MariaDB server. Its DSN is root's, to the database test. The caller closes it.
func MariaDB() (*Server, error) {
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		return nil, fmt.Errorf("MariaDB is not installed: %w", errMissing)
	}
	daemon, err := exec.LookPath("mariadbd")
	if err != nil {
		if daemon, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
			return nil, fmt.Errorf("MariaDB is not installed: %w", errMissing)
		}
	}
	as, err := account("mysql")
	if err != nil {
		return nil, err
	}
	s, err := newServer("mariadb", as)
	if err != nil {
		return nil, err
	}
	s.end = syscall.SIGKILL // nothing it holds is needed again
	s.socket = filepath.Join(s.folder, "socket")
	s.DSN = "root@unix(" + s.socket + ")/test"
	data := filepath.Join(s.folder, "data")
	err = s.prepare(as, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db",
		"--skip-name-resolve", "--innodb-log-file-size=4M")
	if err == nil {
		err = s.start(as, s.pingMariaDB, daemon, "--no-defaults", "--datadir="+data, "--socket="+s.socket,
			"--pid-file="+filepath.Join(s.folder, "pid"), "--skip-networking", "--skip-log-bin", "--innodb-log-file-size=4M",
			"--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--max-connections=60")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) pingMariaDB(ctx context.Context) error {
	connector, err := mysql.NewConnector(&mysql.Config{
		User: "root", Net: "unix", Addr: s.socket, AllowNativePasswords: true, Logger: silent{}, MaxAllowedPacket: 1 << 20,
	})
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4")
	return err
}

type silent struct{}

// Print says nothing: that a server is not up yet is expected.
func (silent) Print(...any) {}
