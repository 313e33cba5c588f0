// Package stability decides which tier is in force, where a customer has been in another one than the cuts give now. What is computed is never
// touched: it stands beside what is in force, with the reason why they differ. It comes after all that computes, so that what a model learns, and
// what expressions read of tiers, depends on no history.
package stability
