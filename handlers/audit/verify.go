package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Fault is the first place where a record is not as it was written.
type Fault struct {
	File string
	Line int    // in the file, from 1
	Seq  uint64 // what the line says of itself; 0 where it says nothing
	What string
}

func (f *Fault) Error() string {
	if f.Seq == 0 {
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
	}
	return fmt.Sprintf("%s:%d: line %d of the record: %s", f.File, f.Line, f.Seq, f.What)
}

// source is a file of a record.
type source struct {
	name string
	io.Reader
	growing func() bool // whether somebody writes it now, so that it may end in half a line
}

// verifier follows a chain from its first line. It keeps nothing but the last.
type verifier struct {
	noted string // a head that has to be there; empty: none
	whole bool   // the sources are all that there is of the record

	fault  *Fault
	wanted uint64 // after a fault: the line that should have stood there, and is looked for further on

	first  place
	begins uint64 // its seq
	last   link
	found  bool // the noted head
	pruned uint64

	files, starts, gaps   int
	lines, calls, missing uint64
	open                  bool // a start was not followed by a stop yet
	unstopped             int  // starts where the process before had not stopped
}

type place struct {
	file string
	line int
}

// read follows the chain through the next file. Errors are of reading alone.
func (v *verifier) read(s source, newest bool) error {
	v.files++
	lines := bufio.NewScanner(s)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	half := false
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if end := bytes.IndexByte(data, '\n'); end >= 0 {
			return end + 1, data[:end], nil
		}
		if half = atEOF && len(data) > 0; half {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	at := place{s.name, 0}
	for lines.Scan() {
		at.line++
		if half && newest && s.growing() {
			break
		}
		if v.next(at, lines.Bytes(), half); v.fault != nil && v.wanted == 0 {
			return nil
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		at.line++
		v.next(at, nil, false)
	} else if err != nil {
		return fmt.Errorf("read %s: %w", s.name, err)
	}
	return nil
}

// next takes one line.
func (v *verifier) next(at place, text []byte, half bool) {
	l, hash, err := readSealed(text)
	if half {
		err = errors.New("it is cut off: it has no line break")
	}
	if v.fault != nil { // all that matters now is whether the line that should have stood there was moved
		if err == nil && l.Seq == v.wanted {
			v.fault.What = fmt.Sprintf("the lines are out of order: line %d was moved from here to %s:%d", v.wanted, at.file, at.line)
			v.wanted = 0
		}
		return
	}
	switch due := v.last.seq + 1; {
	case err != nil:
		v.fail(at, l.Seq, err.Error())
		return
	case v.lines == 0:
		v.first, v.begins = at, l.Seq
		v.found = v.noted != "" && v.noted == l.Prev
		if l.Seq == 1 && l.Prev != noHash() {
			v.fail(at, l.Seq, "it is the first of all and yet follows another: it was put in place of the first")
			return
		}
	case l.Seq > due:
		v.fail(at, l.Seq, fmt.Sprintf("%s before it: removed", missingLines(due, l.Seq-1)))
		v.wanted = due
		return
	case l.Seq < due:
		v.fail(at, l.Seq, fmt.Sprintf("it was inserted or moved here: line %d is due", due))
		return
	case l.Prev != v.last.hash:
		v.fail(at, l.Seq, fmt.Sprintf("it does not follow line %d as that is now: one of the two was put in place of another", v.last.seq))
		return
	}
	v.last = link{l.Seq, hash}
	v.lines++
	v.found = v.found || v.noted == hash
	v.count(&l)
}

func (v *verifier) count(l *line) {
	switch l.Event {
	case eventCall:
		v.calls++
	case eventGap:
		v.gaps++
		v.missing += l.Missed
	case eventStart:
		v.starts++
		if v.open {
			v.unstopped++
		}
		v.open = true
	case eventStop:
		v.open = false
	case eventPrune:
		v.pruned = max(v.pruned, l.Through)
	}
}

// end says what is wrong, once every file was read; nil for nothing.
func (v *verifier) end() *Fault {
	switch {
	case v.fault != nil:
	case v.whole && v.begins > 1 && v.pruned < v.begins-1:
		v.fail(v.first, v.begins, fmt.Sprintf("%s, and no line says that audit.keep removed them", missingLines(1, v.begins-1)))
	case v.noted != "" && !v.found:
		v.fail(v.first, v.last.seq, "the noted head is nowhere in the record: its newest lines were cut off, or all of it was sealed anew")
	}
	return v.fault
}

func (v *verifier) fail(at place, seq uint64, what string) {
	v.fault = &Fault{File: at.file, Line: at.line, Seq: seq, What: what}
}

func missingLines(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("line %d is missing", from)
	}
	return fmt.Sprintf("lines %d to %d are missing", from, to)
}

// report prints what was found intact.
func (v *verifier) report(out io.Writer) error {
	_, err := fmt.Fprintf(out, "intact: lines %d to %d in %d files: %d calls, %d starts, %d of them after no stop\n",
		v.begins, v.last.seq, v.files, v.calls, v.starts, v.unstopped)
	if v.missing > 0 {
		_, gapErr := fmt.Fprintf(out, "gaps: %d, in which %d calls are missing\n", v.gaps, v.missing)
		err = errors.Join(err, gapErr)
	}
	_, headErr := fmt.Fprintf(out, "head: %s at line %d\n", v.last.hash, v.last.seq)
	return errors.Join(err, headErr)
}
