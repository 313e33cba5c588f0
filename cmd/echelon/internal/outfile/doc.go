// Package outfile writes files that are there whole or not at all: they are written under another name beside their place and renamed at the end,
// so that a command that fails, or is interrupted, leaves what was there before.
package outfile
