package audit

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"toolgate/config"
)

// ErrUsage is wrapped where the command line is wrong.
var ErrUsage = errors.New("usage: toolgate audit verify [--head HASH] [FILE…], or toolgate audit tail [-n N] [-f] [--json] [FILE]; " +
	"without FILE the record is that of audit.file")

const help = `usage: toolgate audit verify [--head HASH] [FILE…]
       toolgate audit tail [-n N] [-f] [--json] [FILE]

verify proves that no line of the record was changed, removed, inserted or moved, and prints its head. It ends with 1 and
names the first line that is not as it was written. tail prints the newest lines. Without FILE the record is that of
audit.file, with all its files.

  --head HASH  a head that was noted before: the record must have that line still, so that a cut end shows
  -n N         so many lines (10)
  -f           go on with those that come
  --json       lines as they are
`

// Command is toolgate audit: args are its words after the flags of the configuration, with the flags of its own among them. It
// follows a record until ctx ends. What is wrong with a record is a *[Fault], with the command line ErrUsage.
func Command(ctx context.Context, args []string, cfg config.Audit, out io.Writer) error {
	if len(args) == 0 {
		return ErrUsage
	}
	if slices.ContainsFunc(args, func(word string) bool { return word == "-h" || word == "-help" || word == "--help" }) {
		_, err := io.WriteString(out, help)
		return err
	}
	c := command{file: cfg.File, out: out}
	switch args[0] {
	case "verify":
		return c.verify(args[1:])
	case "tail":
		return c.tail(ctx, args[1:])
	}
	return fmt.Errorf("there is no toolgate audit %s; %w", args[0], ErrUsage)
}

type command struct {
	file string // of the configuration
	out  io.Writer
}

// parse reads flags before, between and after words.
func parse(set *flag.FlagSet, args []string) (words []string, err error) {
	set.SetOutput(io.Discard)
	for {
		if err := set.Parse(args); err != nil {
			return nil, fmt.Errorf("%w; %w", err, ErrUsage)
		}
		if args = set.Args(); len(args) == 0 {
			return words, nil
		}
		words, args = append(words, args[0]), args[1:]
	}
}

func (c command) verify(args []string) error {
	set := flag.NewFlagSet("verify", flag.ContinueOnError)
	head := set.String("head", "", "")
	paths, err := parse(set, args)
	if err != nil {
		return err
	}
	if *head = strings.ToLower(*head); *head != "" && !hashForm.MatchString(*head) {
		return fmt.Errorf("--head takes the %d hexadecimal digits that verify printed, or that the server logged as head; %w", hashSize, ErrUsage)
	}
	files, err := c.open(paths)
	if err != nil {
		return err
	}
	defer closeFiles(files)
	v := &verifier{noted: *head, whole: len(paths) == 0}
	for i, f := range files {
		s := source{f.Name(), f, folder{f.Name()}.written}
		if err := v.read(s, i == len(files)-1); err != nil {
			return err
		}
	}
	fault := v.end()
	if v.lines > 0 {
		if err := v.report(c.out); err != nil {
			return err
		}
	}
	if fault != nil {
		return fault
	}
	if v.lines == 0 {
		return errors.New("there is not one line in the record")
	}
	return nil
}

// open opens the files that are named, in the order of their lines, or those of the configuration.
func (c command) open(paths []string) ([]*os.File, error) {
	if len(paths) == 0 {
		return c.record(c.file)
	}
	files, err := openFiles(paths)
	if err != nil {
		closeFiles(files)
		return nil, err
	}
	begins := make(map[*os.File]uint64)
	for _, f := range files {
		if begins[f], err = firstOf(f); err != nil {
			closeFiles(files)
			return nil, err
		}
	}
	slices.SortStableFunc(files, func(a, b *os.File) int { return cmp.Compare(begins[a], begins[b]) })
	return files, nil
}

// record opens all files of a record.
func (c command) record(file string) ([]*os.File, error) {
	if file == "" {
		return nil, errors.New("no record is kept: audit.file is empty; name the file to read")
	}
	files, err := folder{file}.openAll()
	if err != nil {
		return nil, fmt.Errorf("audit.file: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("audit.file: there is no record at %s", file)
	}
	return files, nil
}

// firstOf is the seq of a file's first line; zero where that cannot be read, which is for the verifier to say.
func firstOf(f *os.File) (uint64, error) {
	head := make([]byte, maxLine)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	text, _, _ := strings.Cut(string(head[:n]), "\n")
	l, _, _ := readSealed([]byte(text))
	return l.Seq, nil
}
