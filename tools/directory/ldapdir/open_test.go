package ldapdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/config"
)

func TestOpenFindsEveryFaultAndNeedsNoServer(t *testing.T) {
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	tests := []struct {
		name   string
		change func(*config.LDAP)
		want   []string // each in the error; none: no error
	}{
		{"as it is", func(*config.LDAP) {}, nil},
		{"several servers", func(c *config.LDAP) { c.URI = " ldap://a.test ldaps://[::1]:1636/ LDAP://c.test:3890" }, nil},
		{"a name of Active Directory", func(c *config.LDAP) { c.BindDN = `CORP\reader` }, nil},
		{"a UPN", func(c *config.LDAP) { c.BindDN = `reader@corp.test` }, nil},
		{"filters without parentheses", func(c *config.LDAP) { c.PeopleFilter, c.GroupsFilter = "objectClass=user", " (mail=*) " }, nil},
		{"nobody", func(c *config.LDAP) { c.BindDN, c.BindPassword = "", config.Secret{} }, nil},
		{"no server", func(c *config.LDAP) { c.URI = "  " }, []string{"ldap.uri"}},
		{"another protocol", func(c *config.LDAP) { c.URI = "ldaps://a.test https://b.test" }, []string{"ldap.uri: number 2"}},
		{"a bare host", func(c *config.LDAP) { c.URI = "a.test" }, []string{"ldap.uri"}},
		{"no host", func(c *config.LDAP) { c.URI = "ldap://" }, []string{"ldap.uri", "no host"}},
		{"a password in it", func(c *config.LDAP) { c.URI = "ldap://x:" + secret + "@a.test" }, []string{"ldap.uri", "bind_password"}},
		{"a base in it", func(c *config.LDAP) { c.URI = "ldap://a.test/dc=x" }, []string{"ldap.uri", "base_dn"}},
		{"an empty password", func(c *config.LDAP) { c.BindPassword = config.Secret{} }, []string{"ldap.bind_password: is empty"}},
		{"a password of nobody", func(c *config.LDAP) { c.BindDN = "" }, []string{"ldap.bind_dn: is empty"}},
		{"no DN", func(c *config.LDAP) { c.BaseDN, c.BindDN = "example.com", "reader" }, []string{"ldap.base_dn", "ldap.bind_dn"}},
		{"no file", func(c *config.LDAP) { c.CAFile = filepath.Join(folder, "none.pem") }, []string{"ldap.ca_file", "none.pem"}},
		{"a file of nothing", func(c *config.LDAP) { c.CAFile = empty }, []string{"ldap.ca_file", "no certificate"}},
		{"bad filters", func(c *config.LDAP) { c.PeopleFilter, c.GroupsFilter = "(a=b", "(a=b)(c=d)" }, []string{"ldap.people_filter", "ldap.groups_filter"}},
		{"everything", func(c *config.LDAP) { *c = config.LDAP{URI: "x", BindDN: "y", CAFile: empty, PeopleFilter: "z"} }, []string{"uri", "bind_dn", "bind_password", "ca_file", "people_filter"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := usual()
			cfg.URI, cfg.BindDN, cfg.BindPassword = "ldaps://ldap.example.test", "cn=reader,dc=example", config.NewSecret(secret)
			tt.change(&cfg)
			d, err := Open(cfg, zap.NewNop())
			if err == nil {
				d.Close()
			}
			if (err != nil) != (len(tt.want) > 0) {
				t.Fatalf("Open = %v, want an error with %q", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Open = %v, want %q in it", err, part)
				}
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("Open = %v, which shows a password", err)
			}
		})
	}
}

func TestOpenWarnsOfWhatIsUnsafe(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.LDAP)
		want   string // in the log; empty: nothing
	}{
		{"ldaps", func(*config.LDAP) {}, ""},
		{"plain", func(c *config.LDAP) { c.URI = "ldap://ldap.test" }, "unencrypted"},
		{"plain, within this machine", func(c *config.LDAP) { c.URI = "ldap://127.0.0.1 ldap://localhost" }, ""},
		{"StartTLS", func(c *config.LDAP) { c.URI, c.StartTLS = "ldap://ldap.test", true }, ""},
		{"unverified", func(c *config.LDAP) { c.TLSVerify = false }, "not checked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := usual()
			cfg.URI, cfg.BindDN, cfg.BindPassword = "ldaps://ldap.test", "cn=reader", config.NewSecret("x")
			tt.change(&cfg)
			core, logged := observer.New(zap.WarnLevel)
			d, err := Open(cfg, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			said := ""
			for _, e := range logged.All() {
				said += e.Message
			}
			if tt.want == "" && said != "" || !strings.Contains(said, tt.want) {
				t.Errorf("log = %q, want %q", said, tt.want)
			}
		})
	}
}
