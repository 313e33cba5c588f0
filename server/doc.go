// Package server is Echelon's gRPC service: it joins the store, the catalog of models and the runs behind the RPCs of echelon.v1. It is the only
// place that makes gRPC statuses.
package server
