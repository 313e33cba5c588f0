package storage

import "strings"

// OverrideKey is the key of a customer's overrides in a model. The keys of one model ascend by the bytes of ids; the first, of the empty id, says that
// the model has, or had, overrides.
func OverrideKey(model, id string) string { return model + "/" + id }

// OverrideOf returns the model and the customer of a key.
func OverrideOf(key string) (model, id string) {
	model, id, _ = strings.Cut(key, "/")
	return model, id
}
