// Package jobs makes an import one that can be resumed: what a batch stores and the note that it was stored are one commit, so that a batch which
// is sent again is answered again and stored once, whatever broke in between.
package jobs
