// Command protodeps writes the .proto sources that Echelon's own files import, from the descriptors that are linked into their published
// Go modules. buf then lints and generates without reaching a schema registry.
//
//	protodeps DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/v2/protoprint"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
)

var wanted = []string{"buf/validate/validate.proto", "google/rpc/status.proto"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodeps DIR")
		os.Exit(2)
	}
	for _, path := range wanted {
		if err := write(os.Args[1], path); err != nil {
			fmt.Fprintf(os.Stderr, "protodeps: %s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

func write(dir, path string) error {
	file, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return err
	}
	printer := protoprint.Printer{}
	text, err := printer.PrintProtoToString(file)
	if err != nil {
		return err
	}
	target := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, []byte(text), 0o644)
}
