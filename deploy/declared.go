package deploy

import (
	"cmp"
	"slices"

	"toolgate/config"
)

// declaredFile is a file or folder of this machine that tools read.
type declaredFile struct {
	path    string
	written bool
}

// declaredFiles lists those that the configuration names, ordered by path. Faults in declarations are not told here:
// toolgate check does.
func declaredFiles(t config.Tools) []declaredFile {
	var list []declaredFile
	add := func(path string, written bool) {
		if path != "" {
			list = append(list, declaredFile{path, written})
		}
	}
	add(t.Directory.File, false)
	add(t.Directory.LDAP.CAFile, false)
	for _, root := range section(t.Files, "roots") {
		add(text(root["path"]), false)
	}
	for _, database := range section(t.SQL, "databases") {
		written, _ := database["write"].(bool)
		add(text(database["path"]), written)
	}
	slices.SortFunc(list, func(a, b declaredFile) int { return cmp.Compare(a.path, b.path) })
	return list
}

// section is what stands under a key of declarations, by name.
func section(t config.Tree, key string) map[string]map[string]any {
	var declared map[string]any
	if t.Decode(&declared) != nil {
		return nil
	}
	named, _ := declared[key].(map[string]any)
	all := make(map[string]map[string]any, len(named))
	for name, value := range named {
		if settings, ok := value.(map[string]any); ok {
			all[name] = settings
		}
	}
	return all
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
