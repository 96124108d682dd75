package config

import (
	"context"
	"os"
	"slices"
	"sync"

	"go.uber.org/zap"
)

// Keep has a running program follow its configuration.
type Keep struct {
	Files  func() []string       // what it is made of; changes there are noticed
	Hangup <-chan os.Signal      // tells to read everything anew; nil: nothing does
	Apply  func(c Changes) error // reads the configuration and puts it in force, as a whole or not at all
	Done   func(ok bool)         // told of each attempt; may be nil
	Log    *zap.Logger
}

// Changes are what became another beside the configuration's own values.
type Changes struct {
	Files      []string // what is made of one of these is made anew
	Everything bool     // all is: secrets may be others in files that nobody watches
}

// Run applies the configuration again when a file of it changes, and on Hangup, until ctx ends. What could not be applied
// is tried again with the next change; until then everything stays as it was. It blocks, and is called once.
func (k Keep) Run(ctx context.Context) {
	changes := make(chan []string)
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		err := Watch(ctx, k.Files, func(changed []string) {
			select {
			case changes <- changed:
			case <-ctx.Done():
			}
		})
		if err != nil {
			k.Log.Warn("changes of the configuration go unnoticed until SIGHUP", zap.Error(err))
		}
	})
	var pending Changes // since the last configuration that was valid
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.Hangup:
			pending.Everything = true
		case files := <-changes:
			for _, file := range files {
				if !slices.Contains(pending.Files, file) {
					pending.Files = append(pending.Files, file)
				}
			}
		}
		err := k.Apply(pending)
		if k.Done != nil {
			k.Done(err == nil)
		}
		if err != nil {
			k.Log.Error("the configuration stays as it was", zap.Error(err))
			continue
		}
		k.Log.Info("the configuration was read anew", zap.Strings("changed", pending.Files))
		pending = Changes{}
	}
}
