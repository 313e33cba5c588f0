// Package family joins customers to families by the parents that they name, adds families up, and keeps who belongs where. It knows ids and
// numbers; what is added up, and what comes of it, is for its callers.
//
// A customer's family is that of its ultimate parent, the root: the customer that is reached by going from parent to parent. One whose parent is
// not there is a root. One on a cycle of parents, itself among them, is a root too, since nobody on it is above the others. What is found does
// not depend on the order in which customers come.
package family
