// Package compare puts the outcomes of two tierings side by side, for the same customers: a ladder and a 4-box, one model and another, one run and
// another. It is fed block by block, and what comes out does not depend on the blocks or their order.
package compare
