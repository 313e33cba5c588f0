// Package identity tells who calls: it knows principals by static tokens, JSON web tokens and client certificates, which roles they have, and reads
// again what stands in files that change. It knows nothing of calls.
package identity
