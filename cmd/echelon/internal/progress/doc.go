// Package progress says how far a command is: on a terminal in one line that is drawn again and again, elsewhere in plain lines, few of them.
package progress
