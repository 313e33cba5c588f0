// Package config gives flags their values from a YAML file and the environment. The flags are the one table of what can be set: a flag that is added
// to a group is a key of the file, a variable of the environment and a line of the reference page without another word.
package config
