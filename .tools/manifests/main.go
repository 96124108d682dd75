// Manifests checks deploy files as the programs that will read them do: docker compose files by Compose's own schema and
// loader, Kubernetes manifests by decoding them strictly into the API's own types, so that no unknown or misspelt field
// and no wrong kind of value gets through. It is a module of its own, because what it stands on is large.
//
//	manifests compose FILE
//	manifests k8s FILE
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: manifests compose|k8s FILE")
	}
	switch args[0] {
	case "compose":
		return compose(args[1])
	case "k8s":
		return k8s(args[1])
	}
	return fmt.Errorf("there is no check %q", args[0])
}

// compose loads a project as docker compose does: schema, interpolation, merging, consistency. It prints the services.
func compose(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(file),
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: data}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SkipResolveEnvironment = true })
	if err != nil {
		return err
	}
	for _, name := range project.ServiceNames() {
		fmt.Println("service", name)
	}
	return nil
}

// k8s decodes every document, and prints what each is.
func k8s(file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{core.AddToScheme, apps.AddToScheme, networking.AddToScheme, policy.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var faults []error
	documents := yaml.NewDocumentDecoder(in)
	defer documents.Close()
	buffer := make([]byte, 1<<20)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return errors.Join(faults...)
		}
		if err != nil {
			return err
		}
		object, kind, err := decoder.Decode(buffer[:n], nil, nil)
		if runtime.IsMissingKind(err) && blank(buffer[:n]) {
			continue
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		named, ok := object.(interface{ GetName() string })
		if !ok {
			faults = append(faults, fmt.Errorf("%s has no name", kind.Kind))
			continue
		}
		for _, fault := range validation.IsDNS1123Subdomain(named.GetName()) {
			faults = append(faults, fmt.Errorf("%s %s: %s", kind.Kind, named.GetName(), fault))
		}
		fmt.Println(kind.Kind, named.GetName())
	}
}

// blank says that a document has comments alone.
func blank(document []byte) bool {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.HasPrefix(line, []byte("---")) {
			return false
		}
	}
	return true
}
