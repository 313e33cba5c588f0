package identity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Role is what a principal may do.
type Role uint8

// The roles. Whoever has write or publish may read; whoever has admin may do everything. Publish does not include write, so that somebody may put
// in force what he cannot change.
const (
	// Read sees customers, models, runs and assignments, and scores without storing.
	Read Role = 1 << iota
	// Write stores customers and models, and starts runs.
	Write
	// Publish decides what is in force: it activates models, publishes runs and rolls back.
	Publish
	// Admin may do everything, and reads the audit log.
	Admin
)

var roleNames = []struct {
	role Role
	name string
}{{Read, "read"}, {Write, "write"}, {Publish, "publish"}, {Admin, "admin"}}

// String returns the role's name, or several with commas between.
func (r Role) String() string { return strings.Join(Roles(r).Names(), ",") }

// Roles is a set of roles.
type Roles Role

// AllRoles is every role.
const AllRoles = Roles(Read | Write | Publish | Admin)

// ParseRoles reads names of roles.
func ParseRoles(names []string) (Roles, error) {
	var roles Roles
	for _, name := range names {
		role := roleOf(name)
		if role == 0 {
			return 0, fmt.Errorf("%q is no role: the roles are read, write, publish and admin%s", name, hint(name))
		}
		roles |= Roles(role)
	}
	return roles, nil
}

func roleOf(name string) Role {
	for _, known := range roleNames {
		if known.name == name {
			return known.role
		}
	}
	return 0
}

func hint(name string) string {
	if found := diag.DidYouMean(name, AllRoles.Names()); found != "" {
		return " (" + found + ")"
	}
	return ""
}

// Names returns the names of the roles, the least first.
func (r Roles) Names() []string {
	var names []string
	for _, known := range roleNames {
		if Role(r)&known.role != 0 {
			names = append(names, known.name)
		}
	}
	return names
}

// Allow reports whether the roles include one, by themselves or by another that does.
func (r Roles) Allow(role Role) bool {
	has := Role(r)
	if has&(Write|Publish) != 0 {
		has |= Read
	}
	return has&Admin != 0 || has&role == role
}

// Principal is somebody who calls.
type Principal struct {
	// Name is what the audit log calls it.
	Name string
	// Roles are what it may do.
	Roles Roles
	// Credential is what it was known by.
	Credential echelonv1.AuditEntry_Credential
	// Expires is when its credential ends; zero is never.
	Expires time.Time

	// key finds the credential again in the file that it stands in: the hash of a token, or the name in a certificate.
	key string
	// limit is when a certificate ends.
	limit time.Time
}

// Anonymous is everybody, where nobody is authenticated.
var Anonymous = &Principal{Name: "anonymous", Roles: AllRoles}

type contextKey struct{}

// With returns a context of a call that a principal makes.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns who makes the call of a context; Anonymous where nobody was authenticated.
func From(ctx context.Context) *Principal {
	if p, ok := ctx.Value(contextKey{}).(*Principal); ok {
		return p
	}
	return Anonymous
}
