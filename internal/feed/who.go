package feed

import "context"

// Who is who makes changes.
type Who struct {
	// Actor is the principal's name; empty where the service makes them itself.
	Actor string
	// OnBehalfOf is for whom the actor says that it acts.
	OnBehalfOf string
}

type whoKey struct{}

// By returns a context whose changes somebody makes.
func By(ctx context.Context, who Who) context.Context { return context.WithValue(ctx, whoKey{}, who) }

// WhoIn returns who makes the changes of a context.
func WhoIn(ctx context.Context) Who {
	who, _ := ctx.Value(whoKey{}).(Who)
	return who
}
