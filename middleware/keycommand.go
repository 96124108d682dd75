package middleware

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/mcp"
)

const keysUsage = `usage: toolgate keys new NAME [SCOPE…] [--scopes A,B] [--expires 90d|2026-12-31]
       toolgate keys list
       toolgate keys revoke ID|NAME

the file is auth.keys_file (--auth.keys_file FILE), which the server follows while it runs
scopes are tools:read, tools:write, admin, and those that tools.policy names; without any, tools:read`

// KeysCommand is toolgate keys: args are its words and flags. The new key goes to stderr, so that what stdout gets can be
// kept: where no file is configured, the entry for one.
func KeysCommand(args []string, file KeyFile, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New(keysUsage)
	}
	switch verb, rest := args[0], args[1:]; {
	case verb == "new":
		return newKey(rest, file, stdout, stderr)
	case verb != "list" && verb != "revoke", verb == "revoke" && len(rest) != 1:
		return errors.New(keysUsage)
	case file == "":
		return errors.New("there is no file of keys: set auth.keys_file, or give --auth.keys_file FILE")
	case verb == "list":
		return listKeys(file, stdout)
	default:
		key, err := file.Revoke(rest[0], time.Now())
		if err == nil {
			_, _ = fmt.Fprintf(stdout, "%s (%s) is revoked; a server that runs ends its sessions in a moment\n", key.ID, key.Name)
		}
		return err
	}
}

func newKey(args []string, file KeyFile, stdout, stderr io.Writer) error {
	words, scopes, expires, err := readNewKey(args)
	if err != nil {
		return err
	}
	until, err := expiry(expires, time.Now())
	if err != nil {
		return err
	}
	plain, key := NewKey(words[0], scopes)
	key.Expires = until
	if file != "" {
		if err := file.Add(key); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stderr, "The key, shown once:\n\n  %s\n\n", plain)
		_, _ = fmt.Fprintf(stdout, "%s (%s) is in %s\n", key.ID, key.Name, file)
		return nil
	}
	entry, err := yaml.Marshal([]Key{key})
	if err != nil {
		return fmt.Errorf("encode the key: %w", err)
	}
	_, _ = fmt.Fprintf(stderr, "The key, shown once:\n\n  %s\n\nIts entry for auth.keys_file follows on stdout.\n\n", plain)
	_, _ = fmt.Fprint(stdout, string(entry))
	return nil
}

// readNewKey reads the words of keys new: the name, and scopes in either way of writing them.
func readNewKey(args []string) (words, scopes []string, expires string, err error) {
	flags := flag.NewFlagSet("toolgate keys new", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	list := flags.String("scopes", "", "")
	flags.StringVar(&expires, "expires", "", "")
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, nil, "", fmt.Errorf("%w\n%s", err, keysUsage)
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) == 0 || words[0] == "" {
		return nil, nil, "", errors.New(keysUsage)
	}
	scopes = words[1:]
	for scope := range strings.SplitSeq(*list, ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		scopes = []string{mcp.ScopeRead}
	}
	for _, scope := range scopes {
		if !config.IsScope(scope) {
			return nil, nil, "", fmt.Errorf("%q is no scope\n%s", scope, keysUsage)
		}
	}
	return words, scopes, expires, nil
}

// expiry reads a day, whose end is meant, a moment, or how long from now: 90d, 12h. The empty text is never.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil && !day.AddDate(0, 0, 1).Before(now) {
		return day.AddDate(0, 0, 1), nil
	}
	if moment, err := time.Parse(time.RFC3339, text); err == nil && moment.After(now) {
		return moment.UTC(), nil
	}
	if number, isDays := strings.CutSuffix(text, "d"); isDays {
		if days, err := strconv.Atoi(number); err == nil && days > 0 && days < 100_000 {
			return now.UTC().AddDate(0, 0, days).Truncate(time.Second), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.UTC().Add(d).Truncate(time.Second), nil
	}
	return time.Time{}, fmt.Errorf("--expires %q is not a time to come: write it like 90d, 12h, 2026-12-31 or 2026-12-31T18:00:00Z", text)
}

// listKeys shows what may be shown of keys, for people.
func listKeys(file KeyFile, out io.Writer) error {
	list, err := file.Keys()
	if err != nil {
		return err
	}
	uses, useErr := file.LastUse()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tNAME\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tSTATE")
	now := time.Now()
	for _, k := range list {
		used := "never"
		if last, ok := uses[k.ID]; ok {
			used = last.UTC().Format("2006-01-02 15:04")
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(k.ID), printable(k.Name), printable(strings.Join(k.Scopes, ",")),
			dayOf(k.Created, "?"), dayOf(k.Expires, "never"), used, k.state(now))
	}
	return errors.Join(table.Flush(), useErr)
}

func dayOf(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.DateOnly)
}

// state is what a key is good for, in a word.
func (k Key) state(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + dayOf(k.Revoked, "")
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	}
	return "good"
}
