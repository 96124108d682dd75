package mcp

import (
	"testing/fstest"
)

const manualManifest = "---\nname: order-manual\ndescription: How to work with orders.\nlicense: Apache-2.0\nmetadata:\n  audience: [sales, support]\n  version: 2\n---\n# Orders\n"

func manualFiles() fstest.MapFS {
	return fstest.MapFS{
		"SKILL.md":                {Data: []byte(manualManifest)},
		"references/FIELDS.md":    {Data: []byte("# Fields\n")},
		"references/eu/rules.txt": {Data: []byte("No bikes.\n")},
		"references/logo.png":     {Data: []byte{0x89, 'P', 'N', 'G'}},
		"scripts/check.sh":        {Data: []byte("#!/bin/sh\nexit 0\n")},
		"a note.md":               {Data: []byte("Spaces in its name.\n")},
	}
}

// skilled are features with two skills and nothing else.
func skilled(*yard) Features {
	manual, err := NewSkill(manualFiles())
	if err != nil {
		panic(err) // the fixture's own fault
	}
	small, err := NewSkill(fstest.MapFS{"SKILL.md": {Data: []byte("---\nname: small\ndescription: Says little.\n---\n")}})
	if err != nil {
		panic(err)
	}
	return Features{Skills: []*Skill{manual, small}}
}
