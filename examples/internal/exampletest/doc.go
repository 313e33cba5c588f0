// Package exampletest runs the examples' models over their customers, through the engine and through the command, for the examples' tests.
package exampletest
