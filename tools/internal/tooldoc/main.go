// Command tooldoc writes docs/tools.md from what the packs offer. Run it from the root of the repository, or let go
// generate run it; a test of this package fails while the page is not what it would write.
package main

import (
	"flag"
	"fmt"
	"os"
)

//go:generate go run toolgate/tools/internal/tooldoc -o ../../../docs/tools.md

func main() {
	out := flag.String("o", "docs/tools.md", "file to write")
	flag.Parse()
	text, err := page()
	if err == nil {
		err = os.WriteFile(*out, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tooldoc:", err)
		os.Exit(1)
	}
}
