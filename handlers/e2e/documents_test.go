package e2e

import "testing"

// TestDocuments runs the transcripts of the four documents at the same time against one server with its default
// configuration: whoever built a client by one of them finds that document's server here.
func TestDocuments(t *testing.T) {
	s := start(t)
	// The transcripts run beside each other; the server ends after the last.
	t.Run("together", func(t *testing.T) {
		for name, transcript := range map[string]func(*testing.T, *server){
			"Intro": intro, "Tutorial": tutorial, "KeyInsight": keyInsight, "Guide": guide,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				transcript(t, s)
			})
		}
	})
}
