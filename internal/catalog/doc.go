// Package catalog keeps models in versions, and compiles and calibrates what is asked for: it turns the names that a request uses into a scorer.
package catalog
