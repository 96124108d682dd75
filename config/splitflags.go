package config

import "strings"

// SplitFlags parts a command line in flags that name configuration keys, or the file, with their values, and in the rest,
// each in its order: flags of a command of its own among them.
func SplitFlags(args []string) (keys, rest []string) {
	alone := map[string]bool{}
	known := map[string]bool{"config": true}
	for _, section := range Sections() {
		for _, key := range section.Keys {
			known[key.Name] = key.Env != ""
			alone[key.Name] = key.Type == "boolean"
		}
	}
	for i := 0; i < len(args); i++ {
		name, _, withValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case args[i] == "--":
			return keys, append(rest, args[i+1:]...)
		case !strings.HasPrefix(args[i], "-") || !known[name] && !strings.Contains(name, "."):
			rest = append(rest, args[i])
		case withValue || alone[name] || i+1 == len(args):
			keys = append(keys, args[i])
		default:
			keys = append(keys, args[i], args[i+1])
			i++
		}
	}
	return keys, rest
}
