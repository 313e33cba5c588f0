// Package audit writes down who changed what. It wraps a store, so that an entry is part of the commit of the change that it tells of: whoever
// changes something needs to know nothing of it but the context that Begin made.
package audit
