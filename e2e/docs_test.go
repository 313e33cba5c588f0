package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// table is a table of a page: its rows' cells, the header first.
type table [][]string

var (
	// cellEnd is a | that is not escaped.
	cellEnd  = regexp.MustCompile(`(?:^|[^\\])\|`)
	codeSpan = regexp.MustCompile("`([^`]+)`")
)

// tables returns the tables of a page.
func tables(t testing.TB, page string) []table {
	t.Helper()
	var list []table
	inside := false
	for line := range strings.Lines(read(t, page)) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case strings.HasPrefix(line, "|--"):
		default:
			if !inside {
				list = append(list, nil)
			}
			inside = true
			list[len(list)-1] = append(list[len(list)-1], cells(line))
		}
	}
	return list
}

func cells(line string) []string {
	var list []string
	begin := 1
	for _, end := range cellEnd.FindAllStringIndex(line, -1) {
		if end[1] > 1 {
			list = append(list, strings.ReplaceAll(strings.TrimSpace(line[begin:end[1]-1]), `\|`, "|"))
			begin = end[1]
		}
	}
	return list
}

// spans returns what stands between backquotes.
func spans(text string) []string {
	var list []string
	for _, found := range codeSpan.FindAllStringSubmatch(text, -1) {
		list = append(list, found[1])
	}
	return list
}

func TestModelReferenceHasEveryField(t *testing.T) {
	described := make(map[protoreflect.FullName]bool)
	for _, one := range tables(t, "docs/model.md") {
		names := spans(one[0][0])
		if len(names) != 1 {
			continue
		}
		message, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("echelon.v1." + names[0]))
		if err != nil {
			t.Errorf("a table is of %q, which is no message", names[0])
			continue
		}
		for _, row := range one[1:] {
			field := fieldAt(message.(protoreflect.MessageDescriptor), spans(row[0])[0])
			if field == nil {
				t.Errorf("%s has no field %s", names[0], row[0])
				continue
			}
			described[field.FullName()] = true
			if values := field.Enum(); values != nil {
				hasWords(t, values, strings.Join(row, " "))
			}
		}
	}
	for _, name := range fieldsUnder((&echelonv1.Model{}).ProtoReflect().Descriptor(), make(map[protoreflect.FullName]bool)) {
		if !described[name] {
			t.Errorf("docs/model.md has no row for %s", name)
		}
	}
}

// fieldAt returns the field of a path such as "linear.min"; nil where there is none.
func fieldAt(message protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	name, rest, more := strings.Cut(path, ".")
	field := message.Fields().ByName(protoreflect.Name(name))
	if !more || field == nil || field.Message() == nil {
		return field
	}
	return fieldAt(field.Message(), rest)
}

func hasWords(t *testing.T, enum protoreflect.EnumDescriptor, row string) {
	t.Helper()
	for i := range enum.Values().Len() {
		word := string(enum.Values().Get(i).Name())
		if word != "UNSPECIFIED" && !slices.Contains(spans(row), word) {
			t.Errorf("docs/model.md: %s is not told of in %q", word, row)
		}
	}
}

// fieldsUnder returns the fields of a message and of all messages in it.
func fieldsUnder(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) []protoreflect.FullName {
	var list []protoreflect.FullName
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		list = append(list, field.FullName())
		if under := field.Message(); under != nil && !field.IsMap() && !seen[under.FullName()] {
			list = append(list, fieldsUnder(under, seen)...)
		}
	}
	return list
}

func TestModelReferenceHasEveryFunctionWithExamplesThatHold(t *testing.T) {
	// A customer without arr, who is alone: what families give it is a variable of each call.
	variables := []expr.Variable{{Name: "arr", Kind: expr.Number}}
	for _, call := range []expr.FamilyCall{{Function: expr.FamilySum, Of: "arr"}, {Function: expr.FamilyMax, Of: "arr"}, {Function: expr.FamilyCount}} {
		variables = append(variables, expr.FamilyVariable(call))
	}
	env, err := expr.NewEnv(variables)
	if err != nil {
		t.Fatal(err)
	}
	missing := &frame.Column{Type: echelonv1.Attribute_NUMBER, Numbers: []float64{0}, Valid: frame.NewBitmap(1)}
	rates := expr.NewRates("EUR", map[string]float64{"USD": 0.92})
	one := &frame.Column{Type: echelonv1.Attribute_NUMBER, Numbers: []float64{1}, Valid: frame.Bitmap{1}}
	scope := &expr.Scope{Rows: 1, AsOf: asOf.AsTime().UnixMicro(), Rates: rates, Columns: []*frame.Column{missing, missing, missing, one}}
	calls := ""
	for _, one := range tables(t, "docs/model.md") {
		if !slices.Equal(one[0], []string{"call", "gives", "example"}) {
			continue
		}
		for _, row := range one[1:] {
			calls += row[0]
			for _, example := range spans(row[2]) {
				compiled, problems := env.Compile(example)
				if compiled == nil {
					t.Errorf("%s: %v", example, problems)
					continue
				}
				result := compiled.Eval(scope)
				if !result.Column.Valid.Get(0) || !result.Column.Bits.Get(0) {
					t.Errorf("%s does not hold: %v", example, result.Cause(0))
				}
			}
		}
	}
	for _, name := range functionNames(t, env) {
		if !regexp.MustCompile(`\b` + name + `\(`).MatchString(calls) {
			t.Errorf("docs/model.md does not tell of the function %s", name)
		}
	}
}

// functionNames returns what expressions can call: an unknown function is answered with all that there are.
func functionNames(t *testing.T, env *expr.Env) []string {
	t.Helper()
	_, problems := env.Compile("qqqqqqqqqqqqqqqqqqqq(1)")
	for _, p := range problems {
		if list, ok := strings.CutPrefix(p.Remedy, "there are "); ok {
			return strings.Split(list, ", ")
		}
	}
	t.Fatalf("the functions are not listed: %v", problems)
	return nil
}

func TestAPIReferenceHasAndCallsEveryRPC(t *testing.T) {
	text, called := read(t, "docs/api.md"), ""
	for _, b := range blocks(t, "docs/api.md") {
		if b.language == "sh" {
			called += b.text
		}
	}
	rpcs := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("echelon.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for k := range service.Methods().Len() {
				rpcs++
				name := fmt.Sprintf("%s/%s", service.FullName(), service.Methods().Get(k).Name())
				if !strings.Contains(text, "| `"+name+"` |") {
					t.Errorf("docs/api.md has no row for %s", name)
				}
				if !strings.Contains(called, name) {
					t.Errorf("docs/api.md does not call %s", name)
				}
			}
		}
		return true
	})
	if rpcs == 0 {
		t.Error("there are no RPCs")
	}
}

func TestAPIReferenceHasTheLimitsOfTheServer(t *testing.T) {
	text, config := read(t, "docs/api.md"), server.DefaultConfig()
	wants := []string{
		fmt.Sprintf("| message, either way | %d MiB |", config.MaxMessageBytes>>20),
		fmt.Sprintf("| headers of a call | %d KiB |", config.MaxHeaderBytes>>10),
		fmt.Sprintf("| calls at once on one connection | %d |", config.MaxStreams),
		"for " + inWords(config.StallTimeout) + " is cut",
		"ping every " + inWords(duration(t, "server/server.go", "minPingInterval")) + " at most",
		"after " + inWords(duration(t, "server/server.go", "serverPingInterval")) + " and",
		inWords(duration(t, "server/server.go", "pingTimeout")) + " later",
		"pings every " + inWords(duration(t, "client/options.go", "Time")) + " while",
	}
	flat := strings.Join(strings.Fields(text), " ")
	for _, want := range wants {
		if !strings.Contains(flat, want) {
			t.Errorf("docs/api.md does not say %q", want)
		}
	}
}

// duration returns a duration that a Go file gives a name.
func duration(t *testing.T, file, name string) time.Duration {
	t.Helper()
	found := regexp.MustCompile(`\b` + name + `(?:\s+=|:)\s+(\d+) \* time\.(Second|Minute)`).FindStringSubmatch(read(t, file))
	if found == nil {
		t.Fatalf("%s has no %s", file, name)
	}
	d, err := time.ParseDuration(found[1] + strings.ToLower(found[2][:1]))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func inWords(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

var helpFlag = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([\w-]+)(.*)$`)

func TestOperationsHaveTheFlagsOfServe(t *testing.T) {
	documented := make(map[string]string)
	for _, row := range tables(t, "docs/operations.md")[0][1:] {
		for _, flag := range spans(row[0]) {
			documented[strings.TrimPrefix(flag, "--")] = row[1]
		}
	}
	for _, found := range helpFlag.FindAllStringSubmatch(help(t, "serve"), -1) {
		name, standard := found[1], ""
		if _, text, ok := strings.Cut(found[2], "(default "); ok {
			standard = "`" + strings.Trim(strings.TrimSuffix(text, ")"), `"`) + "`"
		}
		got, ok := documented[name]
		if !ok {
			t.Errorf("docs/operations.md has no row for --%s", name)
		}
		if standard != "" && got != standard {
			t.Errorf("docs/operations.md: --%s is %s unless told, not %s", name, standard, got)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/operations.md has a row for --%s, which serve does not have", name)
	}
}

func help(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(binary, append(arguments, "--help")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var exitCode = regexp.MustCompile(`(?m)^  (\d+) +(.+)$`)

func TestOperationsHaveTheExitCodes(t *testing.T) {
	codes := exitCode.FindAllStringSubmatch(help(t), -1)
	if len(codes) == 0 {
		t.Fatal("the help lists no exit codes")
	}
	for _, code := range codes {
		if want := fmt.Sprintf("| `%s` | %s |", code[1], code[2]); !strings.Contains(read(t, "docs/operations.md"), want) {
			t.Errorf("docs/operations.md does not say %q", want)
		}
	}
}

func TestOperationsHaveTheMetrics(t *testing.T) {
	address := freeAddress(t)
	p := serve(t, "--data", t.TempDir(), "--metrics-listen", address)
	for _, err := range p.dial().Models(soon(t, time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	exposed := scrape(t, "http://"+address+"/metrics")
	var documented []string
	for _, one := range tables(t, "docs/operations.md") {
		if one[0][0] == "metric" {
			for _, row := range one[1:] {
				documented = append(documented, spans(row[0])...)
			}
		}
	}
	for _, name := range documented {
		if !slices.Contains(exposed, name) {
			t.Errorf("docs/operations.md tells of the metric %s, which is not exposed", name)
		}
	}
	for _, name := range exposed {
		if strings.HasPrefix(name, "grpc_") && !slices.Contains(documented, name) {
			t.Errorf("docs/operations.md does not tell of the metric %s", name)
		}
	}
}

var metricType = regexp.MustCompile(`(?m)^# TYPE (\S+) `)

// scrape returns the names of the metrics.
func scrape(t *testing.T, url string) []string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range metricType.FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	return names
}

func TestArchitectureHasEveryRoom(t *testing.T) {
	text := read(t, "docs/architecture.md")
	for _, floor := range []string{"engine", "storage", "internal"} {
		rooms, err := os.ReadDir("../" + floor)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range rooms {
			if room.IsDir() && room.Name() != "testdata" && !strings.Contains(text, "`"+floor+"/"+room.Name()) {
				t.Errorf("docs/architecture.md does not tell of %s/%s", floor, room.Name())
			}
		}
	}
}
