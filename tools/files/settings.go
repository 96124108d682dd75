package files

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"toolgate/config"
)

// settings is the section tools.files.
type settings struct {
	At    config.Position
	Roots map[string]rootSettings `yaml:"roots"`
}

// rootSettings is one folder as its operator wrote it down.
type rootSettings struct {
	At          config.Position
	Path        string       `yaml:"path"`
	Title       string       `yaml:"title"`
	Description string       `yaml:"description"`
	Include     []string     `yaml:"include"` // empty: whatever has text, by its name
	Exclude     []string     `yaml:"exclude"`
	Hidden      bool         `yaml:"hidden"`   // also what begins with a dot
	MaxFile     config.Bytes `yaml:"max_file"` // larger files are listed, and refused
	MaxFiles    int          `yaml:"max_files"`
	Watch       *bool        `yaml:"watch"` // not written: true
}

// Defaults and bounds of a root.
const (
	defaultMaxFile  = 10 * config.MiB
	mostMaxFile     = 256 * config.MiB // a file is read whole into memory
	defaultMaxFiles = 20_000
	mostMaxFiles    = 1_000_000
)

var rootName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// foldersOf reads the section. Roots come ordered by name.
func foldersOf(tree config.Tree) ([]*folder, error) {
	var s settings
	faults := []error{tree.Decode(&s)}
	if len(s.Roots) == 0 && faults[0] == nil {
		faults = append(faults, s.At.Errorf("tools.files: roots: name at least one folder"))
	}
	var folders []*folder
	for _, name := range slices.Sorted(maps.Keys(s.Roots)) {
		f, wrong := s.Roots[name].folder(name)
		for _, text := range wrong {
			faults = append(faults, s.Roots[name].At.Errorf("tools.files: root %q: %s", name, text))
		}
		folders = append(folders, f)
	}
	return folders, errors.Join(faults...)
}

// folder checks the settings, and returns every fault there is.
func (s rootSettings) folder(name string) (f *folder, faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	f = &folder{
		name: name, title: s.Title, description: s.Description, at: s.At,
		maxFile: int64(s.MaxFile), maxFiles: s.MaxFiles, watch: s.Watch == nil || *s.Watch,
		globs: globs{hidden: s.Hidden},
	}
	if f.title == "" {
		f.title = name
	}
	if !rootName.MatchString(name) {
		fault("a name is 1 to 32 of a-z 0-9 _ -")
	}
	if s.Description == "" {
		fault("a description is required: models choose by it")
	}
	if f.maxFile == 0 {
		f.maxFile = int64(defaultMaxFile)
	}
	if f.maxFile < 0 || f.maxFile > int64(mostMaxFile) {
		fault("max_file: %s is not within 1B and %s", s.MaxFile, mostMaxFile)
	}
	if f.maxFiles == 0 {
		f.maxFiles = defaultMaxFiles
	}
	if f.maxFiles < 0 || f.maxFiles > mostMaxFiles {
		fault("max_files: %d is not within 1 and %d", s.MaxFiles, mostMaxFiles)
	}
	var wrong []string
	if f.globs.include, wrong = readGlobs("include", s.Include); wrong != nil {
		faults = append(faults, wrong...)
	}
	if f.globs.exclude, wrong = readGlobs("exclude", s.Exclude); wrong != nil {
		faults = append(faults, wrong...)
	}
	if err := f.locate(s.Path); err != nil {
		fault("path: %v", err)
	}
	return f, faults
}

// locate finds the folder that path names. Relative paths are from the working folder, as for every other file.
func (f *folder) locate(path string) error {
	if path == "" {
		return errors.New("name a folder")
	}
	dir, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	self, err := root.Open(".")
	if err != nil {
		return err
	}
	defer self.Close()
	if pseudo(self) {
		return fmt.Errorf("%s holds no documents: its files are made by the system while they are read", path)
	}
	f.dir = dir
	return nil
}
