// Package workload is workload W: one million synthetic business customers, drawn from a seeded generator, and one model over them. It is what
// "rows per second" means in this project, and its checksums are the yardstick for correctness: whoever evaluates W, by whatever path, must
// arrive at them. WORKLOAD.md defines it in words, model.yaml as an Echelon model, Fused as a loop written by hand.
//
// Only tests and benchmarks import it.
package workload
