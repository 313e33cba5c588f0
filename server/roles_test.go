package server

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/echelonhq/echelon/internal/identity"
)

func TestEveryRPCHasARoleAndNothingElseDoes(t *testing.T) {
	declared := make(map[string]bool)
	protoregistry.GlobalFiles.RangeFilesByPackage(domain, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for k := range service.Methods().Len() {
				declared[fmt.Sprintf("/%s/%s", service.FullName(), service.Methods().Get(k).Name())] = true
			}
		}
		return true
	})
	for name := range declared {
		if role := roleOf[name]; len(identity.Roles(role).Names()) != 1 {
			t.Errorf("%s needs %q in server/roles.go: give it one role", name, role)
		}
	}
	for name := range roleOf {
		if !declared[name] {
			t.Errorf("server/roles.go has %s, which no service declares", name)
		}
	}
}

func TestAMethodThatNobodyThoughtOfNeedsTheHighestRole(t *testing.T) {
	for method, want := range map[string]identity.Role{
		"/echelon.v1.RunService/New":                                     identity.Admin,
		"/other.v1.Service/Call":                                         identity.Admin,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      0,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": 0,
	} {
		if got := neededRole(method); got != want {
			t.Errorf("%s needs %q, want %q", method, got, want)
		}
	}
}
