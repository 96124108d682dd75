//go:build !unix

package redistest

// Pause stops the server as it is, where a system can.
func (s *Server) Pause() { s.tb.Fatal("this system cannot pause a process") }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.tb.Fatal("this system cannot pause a process") }
