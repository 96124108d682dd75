// Package doctor probes a running deployment through its public URL, as clients do, and says what is wrong and how to mend
// it. It knows nothing of the server but what answers tell: it reads no configuration and works against servers of others
// too, for as far as they go.
//
// A check is a method of probe that fills a sheet with findings; run.go has all of them, in the order of the report. The
// credential goes to the origin of the URL alone, never over a connection whose certificate nobody vouches for, and stands
// in no finding.
package doctor

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
)

// ErrFaults says that the deployment has a fault, which the report names. A caller says no more and ends with 1.
var ErrFaults = errors.New("the deployment has faults")

// ErrUsage is in every error of a wrong command line. A caller ends with 2.
var ErrUsage = errors.New("wrong command line")

// Command is toolgate doctor: args are its words. It writes its findings as they come; the error is ErrFaults where
// something is wrong with the deployment, and has ErrUsage in it where args are. It blocks for half a minute at the most,
// and for --idle on top of it; when ctx ends it returns its cause.
func Command(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, os.Getenv, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var form form = &textForm{out: out}
	if o.json {
		form = &jsonForm{out: out}
	}
	faults, err := examine(ctx, o, form)
	switch {
	case err != nil:
		return err
	case faults > 0:
		return ErrFaults
	}
	return nil
}
