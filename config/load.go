package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/joho/godotenv"
)

const (
	defaultFile = "toolgate.yaml" // read from Source.Dir when no file is named
	dotenvFile  = ".env"          // read from Source.Dir when there

	maxFileSize = 1 << 20 // bytes of a configuration file or .env; keeps a wrong path, such as a log, out of memory
	maxNameSize = 100     // bytes of an unknown name still worth a suggestion; the search is quadratic
)

// Source is where a configuration comes from. The zero value is toolgate.yaml and .env in the working folder, where they
// are there, and nothing else.
type Source struct {
	File  string            // the file to read; it must exist. Empty is toolgate.yaml in Dir, which need not
	Dir   string            // the folder of toolgate.yaml and .env; empty is the working folder
	Env   []string          // NAME=value, as os.Environ gives
	Flags map[string]string // values by key, as RegisterFlags gives

	// Running is the configuration of a program that runs and asks for another; nil: none does. Keys that count from the
	// next start then keep its values, and what is checked is what comes of it.
	Running *Config
}

// Load reads every source, the stronger over the weaker: flags, environment, .env, the variables of older servers, the
// file, defaults. A variable that is empty counts as not set. Relative paths among the values stay as they are.
//
// The warnings are for the operator to read, one a line each, and come with an error too. The error is a *[Problems] that
// lists every fault in every source, and the configuration is then the zero value.
func Load(src Source) (Config, []string, error) {
	l := newLoader()
	dotenv := l.readDotenv(filepath.Join(src.Dir, dotenvFile))
	env := environment(src.Env)
	name, data := l.readFile(src)
	l.applyFile(name, data, func(variable string) (string, bool) {
		if value, ok := env[variable]; ok {
			return value, true
		}
		value, ok := dotenv[variable]
		return value, ok
	})
	l.exposed(name)
	l.applyLegacy(dotenv, " in "+dotenvFile)
	l.applyLegacy(env, "")
	l.applyEnv(dotenv, " in "+dotenvFile)
	l.applyEnv(env, "")
	l.applyFlags(src.Flags)
	normalize(&l.cfg)
	if src.Running != nil {
		l.hold(*src.Running)
	}
	return l.finish()
}

// loader is one run of Load: the configuration so far, and who said what.
type loader struct {
	cfg      Config
	fields   []field           // of cfg
	origin   map[string]string // by key: the strongest place so far that wrote it, whether or not the value was of use
	inline   []string          // secrets that stand in the file themselves
	problems []Problem
	warnings []string
}

func newLoader() *loader {
	l := &loader{cfg: Default(), origin: map[string]string{}}
	l.fields = fields(&l.cfg)
	return l
}

// finish checks the configuration as a whole.
func (l *loader) finish() (Config, []string, error) {
	v := validator{cfg: &l.cfg, origin: l.origin, warnings: l.warnings}
	v.validate()
	if problems := slices.Concat(l.problems, v.problems); len(problems) > 0 {
		return Config{}, v.warnings, &Problems{List: problems}
	}
	return l.cfg, v.warnings, nil
}

// hold puts back what cannot change while the program runs, and warns of it.
func (l *loader) hold(running Config) {
	was := fields(&running)
	for i, f := range l.fields {
		if !f.held(running) || reflect.DeepEqual(f.value.Interface(), was[i].value.Interface()) {
			continue
		}
		p := Problem{Key: f.name, Where: l.origin[f.name], Message: "it counts from the next start"}
		l.warnings = append(l.warnings, p.String())
		f.value.Set(was[i].value)
	}
}

// set gives f the value that was written at where.
func (l *loader) set(f field, where, text string) {
	l.origin[f.name] = where
	if err := f.set(text); err != nil {
		l.fault(f.name, where, "%w", err)
	}
}

func (l *loader) fault(key, where, format string, args ...any) {
	l.problems = append(l.problems, Problem{Key: key, Where: where, Message: fmt.Errorf(format, args...).Error()})
}

// readFile reads the configuration file and says what to call it. No data is an empty file.
func (l *loader) readFile(src Source) (name string, data []byte) {
	name = src.File
	if name == "" {
		name = filepath.Join(src.Dir, defaultFile)
	}
	data, err := readSmall(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && src.File == "":
	case err != nil:
		l.fault("", name, "reading the configuration: %w", err)
	}
	return name, data
}

// exposed warns of secrets that stand in a file which others than its owner may read.
func (l *loader) exposed(name string) {
	if len(l.inline) == 0 || runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o077 != 0 {
		p := Problem{Key: l.inline[0], Where: l.origin[l.inline[0]], Message: fmt.Sprintf(
			"others than its owner may read this secret (mode %04o): chmod 600 %s, or write file:PATH or ${VARIABLE} in its place", info.Mode().Perm(), name)}
		l.warnings = append(l.warnings, p.String())
	}
}

// readDotenv reads the variables of a .env file; no file is no variables.
func (l *loader) readDotenv(name string) map[string]string {
	data, err := readSmall(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		l.fault("", name, "reading the environment file: %w", err)
		return nil
	}
	// The parser's own error quotes the file, whose values may be secret; and it takes a last line without "=" for a
	// value without a name.
	vars, err := godotenv.UnmarshalBytes(data)
	if _, nameless := vars[""]; err != nil || nameless {
		l.fault("", name, "every line must be NAME=value: look for a missing =, an odd name or an open quote")
		return nil
	}
	return vars
}

// readSmall reads a whole file of at most maxFileSize.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s is larger than %v and so not a configuration", name, Bytes(maxFileSize))
	}
	return data, nil
}

// environment turns os.Environ into a map; a name that is there twice counts with its last value, as for a child process.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, found := strings.Cut(entry, "="); found {
			env[name] = value
		}
	}
	return env
}

// applyEnv sets what the TOOLGATE_ variables say and refuses the unknown ones. suffix tells places of the same name apart.
func (l *loader) applyEnv(env map[string]string, suffix string) {
	known := map[string]field{}
	for _, f := range l.fields {
		known[f.env()] = f
		if f.isSecret() {
			known[f.env()+secretFileSuffix] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, envPrefix) || isServiceLink(name, env[name]) {
			continue
		}
		f, ok := known[name]
		switch {
		case ok && f.isTree():
			l.fault("", name+suffix, "%s can be written in the configuration file alone", f.name)
		case !ok:
			l.fault("", name+suffix, "unknown variable%s", suggestion(name, slices.Sorted(maps.Keys(known))))
		case env[name] != "":
			l.setVariable(f, name, env[name], suffix)
		}
	}
}

// applyLegacy sets what the variables of older servers say.
func (l *loader) applyLegacy(env map[string]string, suffix string) {
	for _, f := range l.fields {
		for _, name := range f.legacy() {
			if env[name] != "" {
				l.setVariable(f, name, env[name], suffix)
			}
			if file := name + secretFileSuffix; f.isSecret() && env[file] != "" {
				l.setVariable(f, file, env[file], suffix)
			}
		}
	}
}

// setVariable gives f the value of a variable; one that names a secret's file, what that file holds.
func (l *loader) setVariable(f field, name, text, suffix string) {
	if f.isSecret() && strings.HasSuffix(name, secretFileSuffix) {
		text = secretFilePrefix + text
	}
	l.set(f, name+suffix, text)
}

// isServiceLink recognises the variables that Kubernetes, and Docker for linked containers, put into every container for
// each service they know: a service named toolgate would otherwise keep Toolgate from starting, and one named
// toolgate-server would set its port.
func isServiceLink(name, value string) bool {
	if strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") {
		return true
	}
	for _, protocol := range []string{"tcp", "udp", "sctp"} {
		if strings.HasSuffix(name, "_PORT") && strings.HasPrefix(value, protocol+"://") {
			return true
		}
		// TOOLGATE_PORT_3002_TCP, and the same with _PROTO, _PORT and _ADDR after it.
		_, port, found := strings.Cut(name, "_PORT_")
		number, _, ofProtocol := strings.Cut(port, "_"+strings.ToUpper(protocol))
		if found && ofProtocol && isPort(number) {
			return true
		}
	}
	return false
}

// applyFlags sets what the flags say.
func (l *loader) applyFlags(flags map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if f, ok := l.field(name); ok && f.isTree() {
			l.fault("", "--"+name, "can be written in the configuration file alone")
		} else if ok {
			l.set(f, "--"+name, flags[name])
		} else {
			l.fault("", "--"+name, "unknown flag%s", suggestion(name, l.names()))
		}
	}
}

// field finds a key.
func (l *loader) field(name string) (field, bool) {
	i := slices.IndexFunc(l.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return l.fields[i], true
}

// names lists every key.
func (l *loader) names() []string {
	names := make([]string, len(l.fields))
	for i, f := range l.fields {
		names[i] = f.name
	}
	return names
}

// suggestion is "; did you mean …?" with the known name nearest to an unknown one. A key in the wrong section is nearer to
// a key of its own name than to any other, however far the sections' names are apart.
func suggestion(unknown string, known []string) string {
	if len(unknown) > maxNameSize {
		return ""
	}
	leaf := func(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
	nearest, least := "", 0
	for _, name := range known {
		distance := levenshtein.Distance(unknown, name, nil)
		if leaf(unknown) == leaf(name) {
			distance -= maxNameSize
		}
		if nearest == "" || distance < least {
			nearest, least = name, distance
		}
	}
	return fmt.Sprintf("; did you mean %s?", nearest)
}
