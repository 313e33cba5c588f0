package report

import (
	"fmt"
	"io"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// membersShown is how many members of a family are listed.
const membersShown = 100

// Family writes a customer's family.
func Family(w io.Writer, family *echelonv1.Family) error {
	t := newTable("ll", "customer", family.GetCustomerId())
	t.add("run", family.GetRunId())
	t.add("root", family.GetRoot())
	t.add("customers", Count(family.GetCustomers()))
	for _, v := range family.GetValues() {
		value := none
		if v.Value != nil {
			value = Exact(v.GetValue())
		}
		t.add(v.GetFunction(), value)
	}
	t.add("the way up now", strings.Join(family.GetPath(), " → "))
	if err := t.write(w); err != nil {
		return err
	}
	members := newTable("l", "member")
	for i, id := range family.GetMembers() {
		if i == membersShown {
			members.add(fmt.Sprintf("… and %s more; --json lists all", Count(int64(len(family.GetMembers())-i))))
			break
		}
		members.add(id)
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := members.write(w); err != nil {
		return err
	}
	for _, f := range family.GetFindings() {
		if _, err := fmt.Fprintf(w, "warning: %s: %s\n", plain(f.GetMessage()), f.GetRemedy()); err != nil {
			return err
		}
	}
	return nil
}
