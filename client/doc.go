// Package client calls Echelon's gRPC service: typed calls, bulk streams and lists as Go iterators, typed errors. Its user writes no flow control,
// no paging and no status decoding:
//
//	c, err := client.Dial("127.0.0.1:7070")
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//
//	header := &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("accounts", 0)}
//	for outcome, err := range c.BulkAssign(ctx, header, customers) {
//		if err != nil {
//			return err // the stream is over
//		}
//		if outcome.Error != nil {
//			continue // this customer was refused, the others go on
//		}
//		use(outcome.Assignment)
//	}
//
// Every iterator of this package opens its call when it is ranged over, and again each time that it is. Leaving the loop early, by whatever way,
// ends the call. An error is yielded last, once. What is yielded may share parts, such as an assignment's provenance: change a clone.
//
// Imports and bulk assignments go on by themselves where a connection breaks or the service is started again: see Client.ImportCustomers,
// Client.BulkAssign and WithResume.
// Customers are made of Go structs by their tags, and structs filled from customers: CustomerOf, Structs, Into. Calls that are safe to repeat are, where
// another try may help: WithAttempts.
//
// A Client is safe for concurrent use, an iterator that is being ranged over is not.
package client
