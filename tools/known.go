package tools

import (
	"fmt"

	"toolgate/config"
	"toolgate/tools/directory"
	"toolgate/tools/directory/ldapdir"
	"toolgate/tools/files"
	"toolgate/tools/github"
	"toolgate/tools/httptool"
	"toolgate/tools/jira"
	"toolgate/tools/sqltool"
)

// The packs that are made of something: which part of the configuration, and when there is nothing to make them of.

// directoryPack answers from an LDAP server where one is named, else from a file, else from the demo data.
func directoryPack() pack {
	return pack{
		name:    directory.Name,
		section: func(cfg config.Tools) any { return cfg.Directory },
		outside: func(cfg config.Tools) bool { return cfg.Directory.LDAP.URI != "" || cfg.Directory.File != "" },
		open: func(cfg config.Tools, h hooks) (offer, error) {
			if cfg.Directory.LDAP.URI != "" {
				dir, err := ldapdir.Open(cfg.Directory.LDAP, h.log)
				if err != nil {
					return offer{}, err
				}
				var files []string
				if ca := cfg.Directory.LDAP.CAFile; ca != "" {
					files = []string{ca}
				}
				return offer{features: directory.New(dir).Features(), files: files, close: dir.Close}, nil
			}
			open, files := directory.Demo, []string(nil)
			if file := cfg.Directory.File; file != "" {
				open = func() (*directory.Memory, error) { return directory.Open(file) }
				files = []string{file}
			}
			dir, err := open()
			if err != nil {
				return offer{}, fmt.Errorf("tools.directory.file: %w", err)
			}
			return offer{features: directory.New(dir).Features(), files: files}, nil
		},
	}
}

func jiraPack() pack {
	return pack{
		name:    jira.Name,
		section: func(cfg config.Tools) any { return cfg.Jira },
		missing: func(cfg config.Tools) string { return unless(cfg.Jira.URL != "", "tools.jira.url (or JIRA_HOST)") },
		outside: elsewhere,
		open: func(cfg config.Tools, h hooks) (offer, error) {
			p, err := jira.New(cfg.Jira, h.log)
			if err != nil {
				return offer{}, err
			}
			return offer{features: p.Features(), close: p.Close}, nil
		},
	}
}

func githubPack() pack {
	return pack{
		name:    github.Name,
		section: func(cfg config.Tools) any { return cfg.GitHub },
		missing: func(cfg config.Tools) string {
			return unless(github.Configured(cfg.GitHub), "tools.github.token (or GITHUB_TOKEN)")
		},
		outside: elsewhere,
		open: func(cfg config.Tools, h hooks) (offer, error) {
			p, err := github.New(cfg.GitHub, h.log)
			if err != nil {
				return offer{}, err
			}
			return offer{features: p.Features(), close: p.Close}, nil
		},
	}
}

func httpPack() pack {
	return pack{
		name:    httptool.Name,
		section: func(cfg config.Tools) any { return cfg.HTTP },
		missing: func(cfg config.Tools) string { return unless(!cfg.HTTP.IsZero(), "tools.http") },
		outside: elsewhere,
		open: func(cfg config.Tools, h hooks) (offer, error) {
			p, err := httptool.New(cfg.HTTP, h.log)
			if err != nil {
				return offer{}, err
			}
			return offer{features: p.Features(), files: p.Files(), close: p.Close}, nil
		},
	}
}

func sqlPack() pack {
	return pack{
		name:    sqltool.Name,
		section: func(cfg config.Tools) any { return cfg.SQL },
		missing: func(cfg config.Tools) string { return unless(!cfg.SQL.IsZero(), "tools.sql") },
		outside: elsewhere,
		open: func(cfg config.Tools, h hooks) (offer, error) {
			p, err := sqltool.New(cfg.SQL, h.log)
			if err != nil {
				return offer{}, err
			}
			return offer{features: p.Features(), close: p.Close}, nil
		},
	}
}

func filesPack() pack {
	return pack{
		name:    files.Name,
		section: func(cfg config.Tools) any { return cfg.Files },
		missing: func(cfg config.Tools) string { return unless(!cfg.Files.IsZero(), "tools.files") },
		outside: elsewhere,
		open: func(cfg config.Tools, h hooks) (offer, error) {
			p, err := files.New(cfg.Files, files.Hooks{Updated: h.updated, Changed: h.changed, Helper: h.helper}, h.log)
			if err != nil {
				return offer{}, err
			}
			return offer{features: p.Features(), start: p.Start, close: p.Close}, nil
		},
	}
}

// unless is key where the pack is not configured.
func unless(configured bool, key string) string {
	if configured {
		return ""
	}
	return key
}
