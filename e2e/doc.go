// Package e2e tests Echelon as its users meet it: the built program in a process of its own, over a real socket.
package e2e
