package deploy

import (
	"fmt"
	"io"
	"regexp"

	"toolgate/config"
)

// manifests is what the template of the Kubernetes manifests is filled with.
type manifests struct {
	*contained
	Image        string
	IngressClass string
	IngressSpace string // the namespace of the ingress controller
	AssumeProxy  bool   // the configuration names no proxy, and a wide range stands in
}

// podRange is where most clusters have their pods.
const podRange = "10.0.0.0/8"

// label is a name that Kubernetes takes.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// imageName is what names an image, with its tag or digest.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*(:[A-Za-z0-9._/-]+)*(@sha256:[0-9a-f]{64})?$`)

// renderK8s writes the manifests.
func renderK8s(out io.Writer, args []string, o Options) error {
	m, memory := manifests{IngressClass: "nginx", IngressSpace: "ingress-nginx"}, unitMemory
	flags := newFlags(out, "k8s")
	flags.StringVar(&m.Image, "image", "", "the `image`, such as registry.example.com/toolgate:1.0.0")
	flags.StringVar(&m.IngressClass, "ingress-class", m.IngressClass, "`name` of the ingress class")
	flags.StringVar(&m.IngressSpace, "ingress-namespace", m.IngressSpace, "`namespace` of the ingress controller")
	flags.Func("memory", "most memory one pod may use; `size` such as 2GiB (default 1GiB)", func(text string) error {
		return memory.UnmarshalText([]byte(text))
	})
	if err := parse(flags, args); err != nil {
		return err
	}
	for name, value := range map[string]string{"--ingress-class": m.IngressClass, "--ingress-namespace": m.IngressSpace} {
		if !label.MatchString(value) {
			return fmt.Errorf("%s: %q is no name that Kubernetes takes: a-z, 0-9 and - alone", name, value)
		}
	}
	if m.Image != "" && !imageName.MatchString(m.Image) {
		return fmt.Errorf("--image: %q is no image: write it as registry.example.com/toolgate:1.0.0", m.Image)
	}
	c, err := contain(o, memory, podRange)
	if err != nil {
		return err
	}
	m.contained = c
	m.AssumeProxy = len(c.Options.Config.Server.TrustedProxies) == 1 && c.Options.Config.Server.TrustedProxies[0] == podRange
	if m.Image == "" {
		m.Image = c.Image()
	}
	return fill(out, "k8s.yaml.tmpl", m)
}

// Size is an amount of memory as Kubernetes writes it.
func (manifests) Size(b config.Bytes) string {
	text := b.String()
	return text[:len(text)-1] // Gi, Mi, Ki; a plain number of bytes has no unit there
}
