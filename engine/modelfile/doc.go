// Package modelfile reads and writes model files: the message echelon.v1.Model in YAML or JSON. It decodes and remembers the place of every value in one
// pass over the YAML nodes, so that a mistake that is found later, in the meaning of the model, can still be shown at its line and column.
//
// A model file is read by people from top to bottom, so what makes YAML hard to read is refused: tags, anchors and aliases, merge keys, several
// documents, words such as yes and on for booleans. JSON is read by the same rules, as it is YAML.
package modelfile
