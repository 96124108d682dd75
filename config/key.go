package config

import (
	"flag"
	"reflect"
	"strings"
)

// envPrefix opens the name of every environment variable that sets a key.
const envPrefix = "TOOLGATE_"

// Section is one section of the configuration as its documentation shows it.
type Section struct {
	Name string // "server"
	Doc  string // what the section is about, one sentence
	Keys []Key
}

// Key is one key of the configuration as its documentation shows it.
type Key struct {
	Name    string   // "server.port": the path in the file; the flag is "--" and this
	Env     string   // "TOOLGATE_SERVER_PORT"; empty for what only the file can hold, which has no flag either
	Legacy  []string // the variables of older servers that set it too; none for most
	Type    string   // boolean, declarations, duration, integer, list, rate, secret, size or string
	Default string   // as it would be written; empty for an empty string or list
	Allowed string   // the values allowed, "a | b" or "LOW..HIGH"; empty where the type says it all
	Doc     string   // what it does
	Restart string   // when a change counts, in a sentence; empty: at once
}

// Sections describes every key there is, in the order of the struct.
func Sections() []Section {
	var sections []Section
	defaults := Default()
	sectionType := reflect.TypeFor[Config]()
	for i := range sectionType.NumField() {
		tag := sectionType.Field(i).Tag
		sections = append(sections, Section{Name: tag.Get("yaml"), Doc: tag.Get("doc")})
	}
	next := 0 // fields come in the order of the sections
	for _, f := range fields(&defaults) {
		for !strings.HasPrefix(f.name, sections[next].Name+".") {
			next++
		}
		env := f.env()
		if f.isTree() {
			env = ""
		}
		sections[next].Keys = append(sections[next].Keys, Key{
			Name:    f.name,
			Env:     env,
			Legacy:  f.legacy(),
			Type:    f.kind(),
			Default: f.text(),
			Allowed: f.allowed(),
			Doc:     f.tag.Get("doc"),
			Restart: restarts(f.tag.Get("restart")),
		})
	}
	return sections
}

// restarts says when a change of a key with this restart tag counts.
func restarts(tag string) string {
	switch tag {
	case "yes":
		return "Counts from the next start."
	case restartFront:
		return "With auth.mode: front it counts from the next start."
	}
	return ""
}

// RegisterFlags gives fs one flag a key, named as the key is. The returned function is for after fs.Parse: the flags that
// were given and their values, unchecked, for Source.Flags. A flag given twice counts with its last value; a boolean one
// may stand without a value.
func RegisterFlags(fs *flag.FlagSet) func() map[string]string {
	given := map[string]string{}
	for _, section := range Sections() {
		for _, key := range section.Keys {
			if key.Env == "" {
				continue
			}
			set := func(text string) error {
				given[key.Name] = text
				return nil
			}
			usage := key.Doc
			if key.Default != "" {
				usage += " (default " + key.Default + ")"
			}
			if key.Type == "boolean" {
				fs.BoolFunc(key.Name, usage, set)
			} else {
				fs.Func(key.Name, usage, set)
			}
		}
	}
	return func() map[string]string { return given }
}
