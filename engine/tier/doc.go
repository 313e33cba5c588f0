// Package tier puts scored customers onto levels of service: onto the tiers of a ladder, cut from a total order of the population, or into the
// cells of a matrix of two scores.
//
// What depends on the population is learned once, by a Learner, and frozen as decision lines: the whole key (score, tie breakers, id) of the
// last customer that a cut took. A customer that is evaluated alone is compared with these lines and gets what it would have got among all.
package tier
