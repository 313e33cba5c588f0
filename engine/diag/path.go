package diag

import "strconv"

// Field returns the path of a field of the message at path; the path of the whole message is "".
func Field(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Index returns the path of the i-th item, from 0, of the list at path.
func Index(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// Key returns the path of the entry of the map at path that has this key.
func Key(path, key string) string {
	return path + "[" + strconv.Quote(key) + "]"
}
