package deploy

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"toolgate/config"
)

// settingsWriter writes a configuration back as a file: what differs from the defaults, without any secret.
type settingsWriter struct {
	source    *yaml.Node // the file as it was written, whose declarations have their variables still; nil: there is none
	variables []string   // names that the secrets have
}

var (
	// secretKeys are the places in declarations where credentials stand.
	secretKeys = regexp.MustCompile(`^tools\.(http\.apis\.[^.]+\.(headers|query)\..+|sql\.databases\.[^.]+\.(dsn|url))$`)

	// secretNames are keys that say of themselves what they hold.
	secretNames = regexp.MustCompile(`(?i)(^|[._-])(password|passwd|token|secret|api_?key|authorization)$`)

	// userInfo is a password in a URL.
	userInfo = regexp.MustCompile(`://[^/@\s]*:[^/@\s]*@`)

	// needed is a variable that has no other value.
	needed = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:\?[^}]*)?\}`)

	notInNames = regexp.MustCompile(`[^A-Z0-9]+`)
)

// readDeclarations reads the file again, as it was written: what Load made of it has its variables expanded, secrets among
// them.
func readDeclarations(file string) (*yaml.Node, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration's declarations: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("read the configuration's declarations: %s is no YAML", file) // the error may quote it
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return document.Content[0], nil
}

// section is what differs in a struct; an empty mapping where nothing does.
func (w *settingsWriter) section(value, standard reflect.Value, path []string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for i := range value.NumField() {
		name := value.Type().Field(i).Tag.Get("yaml")
		child := w.field(value.Field(i), standard.Field(i), slices.Concat(path, []string{name}))
		if child != nil {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, child)
		}
	}
	return node
}

// field is the value of one key; nil where it need not be written.
func (w *settingsWriter) field(value, standard reflect.Value, path []string) *yaml.Node {
	switch v := value.Interface().(type) {
	case config.Secret:
		if !v.IsZero() {
			w.variables = append(w.variables, "TOOLGATE_"+strings.ToUpper(strings.Join(path, "_")))
		}
		return nil
	case config.Tree:
		if v.IsZero() {
			return nil
		}
		if written := lookup(w.source, path); written != nil {
			return w.declarations(written, strings.Join(path, "."))
		}
		return nil
	}
	if value.Kind() == reflect.Struct {
		if node := w.section(value, standard, path); len(node.Content) > 0 {
			return node
		}
		return nil
	}
	if reflect.DeepEqual(value.Interface(), standard.Interface()) {
		return nil
	}
	if value.Kind() == reflect.Slice {
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range value.Len() {
			list.Content = append(list.Content, w.scalar(fmt.Sprint(value.Index(i)), "!!str", strings.Join(path, ".")))
		}
		return list
	}
	tag := "!!str"
	if _, named := value.Interface().(fmt.Stringer); !named && value.Kind() != reflect.String {
		tag = "" // a number, or true or false
	}
	return w.scalar(fmt.Sprint(value.Interface()), tag, strings.Join(path, "."))
}

// declarations copies what was written, without comments, which may tell anything.
func (w *settingsWriter) declarations(node *yaml.Node, path string) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.ScalarNode {
		plain := w.scalar(node.Value, node.Tag, path)
		if plain.Value == node.Value {
			plain.Style = node.Style
		}
		return plain
	}
	copied := &yaml.Node{Kind: node.Kind, Style: node.Style}
	for i, child := range node.Content {
		switch {
		case node.Kind != yaml.MappingNode:
			copied.Content = append(copied.Content, w.declarations(child, path))
		case i%2 == 1:
			key := node.Content[i-1]
			copied.Content = append(copied.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key.Value, Tag: key.Tag, Style: key.Style},
				w.declarations(child, path+"."+key.Value))
		}
	}
	return copied
}

// scalar writes a value; in the place of a secret, the variable that has to hold it.
func (w *settingsWriter) scalar(text, tag, path string) *yaml.Node {
	for _, variable := range needed.FindAllStringSubmatch(text, -1) {
		w.variables = append(w.variables, variable[1])
	}
	elsewhere := strings.Contains(text, "${") || strings.HasPrefix(text, "file:")
	if text != "" && !elsewhere && (secretKeys.MatchString(path) || secretNames.MatchString(path) && tag != "!!bool") || userInfo.MatchString(text) {
		name := strings.Trim(notInNames.ReplaceAllString(strings.ToUpper(path), "_"), "_")
		w.variables = append(w.variables, name)
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "${" + name + ":?was written out in the configuration}"}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}

// lookup finds what stands under keys.
func lookup(node *yaml.Node, path []string) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if len(path) == 0 || node == nil {
		return node
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Kind == yaml.MappingNode && node.Content[i].Value == path[0] {
			return lookup(node.Content[i+1], path[1:])
		}
	}
	return nil
}
