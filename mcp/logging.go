package mcp

import (
	"context"
	"slices"
)

// Level is how grave a log message is, as RFC 5424 orders them.
type Level int

// Levels, ascending (all revisions, logging).
const (
	LevelDebug Level = iota
	LevelInfo
	LevelNotice
	LevelWarning
	LevelError
	LevelCritical
	LevelAlert
	LevelEmergency
)

var levelNames = [...]string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

func (l Level) String() string { return levelNames[l] }

// setLevel is logging/setLevel: from now on this session's client hears messages of that level and graver ones.
func (s *Server) setLevel(_ context.Context, x *exchange, p setLevelParams) (empty, error) {
	i := slices.Index(levelNames[:], p.Level)
	if i < 0 {
		return empty{}, Errorf(CodeInvalidParams, "level must be one of %v", levelNames)
	}
	if x.back != nil {
		x.back.setLogLevel(Level(i))
	}
	return empty{}, nil
}
