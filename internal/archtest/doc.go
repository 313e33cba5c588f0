// Package archtest keeps the rules of the house: which package may import which, and how its files look. It consists of tests; each rule in
// importRules says what it is for. docs/contributing.md tells them in words.
package archtest
