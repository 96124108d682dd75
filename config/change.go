package config

import "reflect"

// Changed lists the keys in which two configurations differ.
func Changed(before, after Config) (keys []string) {
	was, is := fields(&before), fields(&after)
	for i, f := range is {
		if !reflect.DeepEqual(was[i].value.Interface(), f.value.Interface()) {
			keys = append(keys, f.name)
		}
	}
	return keys
}
