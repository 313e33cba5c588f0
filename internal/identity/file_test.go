package identity

import (
	"strings"
	"testing"
)

func TestAFileOfPrincipalsNamesEverythingThatIsWrongWithIt(t *testing.T) {
	hash := hashed("x")
	for _, test := range []struct {
		name, text string
		want       []string // parts of the error; none where it is right
	}{
		{"tokens and certificates", "tokens: [{principal: ann, roles: [read], sha256: " + hash + "}]\ncertificates: [{uri: 'spiffe://x/y', roles: [admin]}]", nil},
		{"nothing", "", []string{"names nobody"}},
		{"empty lists", "tokens: []", []string{"names nobody"}},
		{"no YAML", "tokens: [", []string{"yaml"}},
		{"an unknown field", "tokens: [{principal: ann, role: [read]}]", []string{"field role not found"}},
		{"a second document", "tokens: [{principal: ann, roles: [read], sha256: " + hash + "}]\n---\ntokens: []", []string{"second document"}},
		{"several mistakes", "tokens: [{principal: ann, roles: [read], sha256: abc}, {principal: '', roles: [reed], sha256: " + hash + "}]\n" +
			"certificates: [{roles: [read]}, {cn: x, uri: y, roles: [read]}, {cn: z, roles: []}]",
			[]string{"tokens[0].sha256", "tokens[1].principal", "certificates[0].cn", "certificates[1].cn", "certificates[2].roles: it has none"}},
		{"the same token twice", "tokens: [{principal: a, roles: [read], sha256: " + hash + "}, {principal: b, roles: [read], sha256: " + strings.ToUpper(hash) + "}]",
			[]string{"tokens[1].sha256: another token"}},
		{"the same name twice", "certificates: [{cn: x, roles: [read]}, {cn: x, roles: [admin]}]", []string{`certificates[1].cn: "x" stands here twice`}},
		{"an end that is no time", "certificates: [{cn: x, roles: [read], expires: soon}]", []string{`certificates[0].expires: "soon"`}},
		{"anonymous", "certificates: [{cn: anonymous, roles: [read]}]", []string{"choose another name"}},
		{"a name with control characters", `certificates: [{cn: "x\ny", roles: [read]}]`, []string{"control characters"}},
		{"a name that is too long", "certificates: [{cn: " + strings.Repeat("x", 257) + ", roles: [read]}]", []string{"257 bytes"}},
		{"a huge file", strings.Repeat("#", maxFile+1), []string{"at most"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseBook([]byte(test.text))
			if (err == nil) != (test.want == nil) {
				t.Fatalf("%v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestRolesIncludeOthers(t *testing.T) {
	for _, test := range []struct{ has, may string }{
		{"read", "read"}, {"write", "read write"}, {"publish", "read publish"}, {"admin", "read write publish admin"}, {"", ""},
	} {
		roles, err := ParseRoles(strings.Fields(test.has))
		if err != nil {
			t.Fatal(err)
		}
		for _, known := range roleNames {
			if got, want := roles.Allow(known.role), strings.Contains(test.may, known.name); got != want {
				t.Errorf("%q may %s: %v, want %v", test.has, known.name, got, want)
			}
		}
	}
}

func TestTokensCannotBeGuessed(t *testing.T) {
	if a, b := NewToken(), NewToken(); a == b || len(a) < 40 {
		t.Errorf("new tokens are %q and %q", a, b)
	}
	for _, token := range []string{"", "secret", strings.Repeat("x", 23), strings.Repeat("x ", 20), strings.Repeat("é", 20)} {
		if _, err := HashToken(token); err == nil {
			t.Errorf("the token %q is taken", token)
		}
	}
}

// FuzzParseBook looks for files that break the parser, or that let in what they should not.
func FuzzParseBook(f *testing.F) {
	f.Add([]byte("tokens: [{principal: ann, roles: [read], sha256: " + hashed("x") + ", expires: 2027-01-31}]\ncertificates: [{cn: x, roles: [admin]}]"))
	f.Add([]byte("tokens: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBook(data)
		if err != nil {
			return
		}
		for _, entries := range []map[string]entry{b.tokens, b.certificates} {
			for key, e := range entries {
				if CheckName(e.principal) != nil || e.roles == 0 || e.roles&^AllRoles != 0 || key == "cn:" || key == "uri:" {
					t.Errorf("%q gives %q the entry %+v", data, key, e)
				}
			}
		}
	})
}
