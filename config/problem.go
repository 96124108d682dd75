package config

import "strings"

// Problem is one fault in the configuration.
type Problem struct {
	Key     string // the key at fault, "server.port"; empty where the fault is not in a known key
	Where   string // where it was written: "toolgate.yaml:3", an environment variable, "--server.port"; empty for a default
	Message string // what is wrong and what to write instead
}

// String is the problem on one line, place first.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	if p.Where != "" {
		parts = append(parts, p.Where)
	}
	if p.Key != "" && p.Where != "--"+p.Key {
		parts = append(parts, p.Key)
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// Problems is the error of [Load]: every fault found, in the order of the sources, file first, and at least one.
type Problems struct {
	List []Problem
}

// Error prints one problem a line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}
