// Command configdoc writes docs/configuration.md from the structs of package config. Run it from the root of the
// repository, or let go generate run it; a test of this package fails while the page is not what it would write.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("o", "docs/configuration.md", "file to write")
	flag.Parse()
	if err := os.WriteFile(*out, page(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}
