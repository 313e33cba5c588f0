// Package backup reads and writes the files that a store is backed up to.
//
// A file lists every key that the store had at one commit, ascending. A full backup has all values with them; an incremental one has the values
// that were written since its base, and of the others the key and the commit alone. So what was deleted is what is not listed, and no record of
// deletions is needed. Restoring merges the files of a chain from the last to the first.
//
// The layout, numbers in little endian:
//
//	magic, 16 bytes · format, 4 bytes
//	sections: type, 1 byte · length of the body, 4 bytes · body · SHA-256, 32 bytes
//
// There is a header, then any number of chunks, then an end, after which the file is over. Each SHA-256 is of the one before it and its own section,
// so that no section can be altered, left out, moved or taken from another file. The last one is the backup's id. It proves that the file is as it
// was written, not who wrote it.
package backup
