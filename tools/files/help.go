package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"time"
)

// What a helper may take for one file. Beyond it the helper ends, and the file counts as damaged.
const (
	helpTime   = 15 * time.Second
	helpMemory = 768 << 20             // bytes
	helpStack  = 64 << 20              // bytes of one stack
	helpLook   = 10 * time.Millisecond // how often it looks at itself
	helpGrace  = time.Second           // to be gone once it was ended
	maxHelped  = maxMarkdown + 1<<10   // bytes of an answer
)

// What a helper is asked for, before the file.
const (
	helpPDF  = "pdf\n"
	helpHTML = "html\n"
)

// What an answer of a helper begins with.
const (
	helpText = "text\n"
	helpNone = "none\n" // and the reason, for models
)

// Help is what a helper process does, all of it: it reads one file from in and writes its text to out. The process
// should end when it returns. What is in the file may make it end, or the process panic, at any time before.
func Help(in io.Reader, out io.Writer) error {
	debug.SetMemoryLimit(helpMemory / 2)
	debug.SetMaxStack(helpStack)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { watchMyself(done) })
	defer func() {
		close(done)
		watch.Wait()
	}()
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	answer := helpText
	var text string
	if page, is := bytes.CutPrefix(data, []byte(helpHTML)); is {
		text, err = markdownOfHTML(string(page))
	} else {
		text, err = textOfPDF(bytes.TrimPrefix(data, []byte(helpPDF)))
	}
	if err != nil {
		answer, text = helpNone, err.Error()
	}
	if _, err := io.WriteString(out, answer+text); err != nil {
		return fmt.Errorf("write the text: %w", err)
	}
	return nil
}

// watchMyself ends the process, which cannot be done by asking what runs away, where it takes too much.
func watchMyself(done <-chan struct{}) {
	look, end := time.NewTicker(helpLook), time.After(helpTime)
	defer look.Stop()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	for {
		select {
		case <-done:
			return
		case <-end:
			panic("a helper ran out of time")
		case <-look.C:
			metrics.Read(sample)
			if sample[0].Value.Uint64()+sample[1].Value.Uint64() > helpMemory {
				panic("a helper ran out of memory")
			}
		}
	}
}

// errNoHelp is that files of a kind need a helper, and there is none.
var errNoHelp = errors.New("files of this kind are not read by this server")

// ask has a helper read a file. It blocks until the helper is done, or ended: patience and helpGrace at most.
func ask(ctx context.Context, helper []string, patience time.Duration, what string, data []byte) (string, error) {
	if len(helper) == 0 {
		return "", errNoHelp
	}
	limited, stop := context.WithTimeout(ctx, patience)
	defer stop()
	cmd := exec.CommandContext(limited, helper[0], helper[1:]...)
	cmd.Env = helpEnvironment()
	cmd.Stdin = io.MultiReader(strings.NewReader(what), bytes.NewReader(data))
	cmd.WaitDelay = helpGrace
	answer := &bounded{limit: maxHelped, full: stop}
	cmd.Stdout = answer
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if text, ok := strings.CutPrefix(answer.kept.String(), helpText); ok && err == nil {
		return text, nil
	}
	if reason, ok := strings.CutPrefix(answer.kept.String(), helpNone); ok && err == nil {
		return "", errors.New(reason)
	}
	if _, ended := errors.AsType[*exec.ExitError](err); ended || limited.Err() != nil {
		return "", errDamaged
	}
	if err == nil {
		err = errors.New("it answered what no helper does")
	}
	return "", &helperError{err}
}

// helperError is that a helper could not do its work, whatever the file: ours, not the file's.
type helperError struct{ err error }

func (e *helperError) Error() string { return "run the reader of documents: " + e.err.Error() }
func (e *helperError) Unwrap() error { return e.err }

// helpEnvironment is what a helper knows of ours: nothing but what a process needs to start. Secrets are in the rest.
func helpEnvironment() []string {
	env := []string{"GOMAXPROCS=2", "GOTRACEBACK=none"}
	for _, name := range []string{"SYSTEMROOT", "GOCOVERDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// bounded keeps what is written to it up to limit bytes, and calls full where there is more. It has no other way in.
type bounded struct {
	kept  bytes.Buffer
	limit int
	full  func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > b.limit {
		b.full()
		return 0, errors.New("a helper answered too much")
	}
	return b.kept.Write(p)
}
