// Package segment puts customers into segments by rules.
package segment
