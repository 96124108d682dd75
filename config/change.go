package config

import "reflect"

// Changed lists the keys in which two configurations differ: those that count at once, and those that count from the next
// start.
func Changed(before, after Config) (now, later []string) {
	was, is := fields(&before), fields(&after)
	for i, f := range is {
		if reflect.DeepEqual(was[i].value.Interface(), f.value.Interface()) {
			continue
		}
		if f.tag.Get("restart") != "" {
			later = append(later, f.name)
		} else {
			now = append(now, f.name)
		}
	}
	return now, later
}
