// Package suggest makes a first model from the columns of a file: it profiles the cells, finds their types and formats, and writes a model to argue
// with, each choice explained by a comment. It knows no file: cells come in, YAML comes out, the same at every time.
package suggest
