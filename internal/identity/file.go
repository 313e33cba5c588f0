package identity

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// MaxName is the longest name of a principal, in bytes.
	MaxName = 256
	// maxFile is the largest file of principals, in bytes.
	maxFile = 4 << 20
)

// book is the principals of a file, by what they are known by.
type book struct {
	// tokens are by the SHA-256 of the token in hexadecimal; certificates by "cn:NAME" or "uri:URI".
	tokens, certificates map[string]entry
}

// entry is one principal of a file.
type entry struct {
	principal string
	roles     Roles
	expires   time.Time
}

// fileForm is the file as people write it.
type fileForm struct {
	Tokens       []tokenForm       `yaml:"tokens"`
	Certificates []certificateForm `yaml:"certificates"`
}

type tokenForm struct {
	Principal string   `yaml:"principal"`
	Roles     []string `yaml:"roles"`
	SHA256    string   `yaml:"sha256"`
	Expires   string   `yaml:"expires"`
}

type certificateForm struct {
	Principal string   `yaml:"principal"`
	Roles     []string `yaml:"roles"`
	CN        string   `yaml:"cn"`
	URI       string   `yaml:"uri"`
	Expires   string   `yaml:"expires"`
}

// parseBook reads a file of principals. The error names everything that is wrong with it.
func parseBook(data []byte) (*book, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("it has %d bytes, at most %d are allowed", len(data), maxFile)
	}
	var form fileForm
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&form); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(&fileForm{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has a second document: one file is one document")
	}
	b := &book{tokens: make(map[string]entry), certificates: make(map[string]entry)}
	var wrong []error
	for i, t := range form.Tokens {
		wrong = append(wrong, at("tokens", i, b.addToken(t)))
	}
	for i, c := range form.Certificates {
		wrong = append(wrong, at("certificates", i, b.addCertificate(c)))
	}
	if len(form.Tokens)+len(form.Certificates) == 0 {
		wrong = append(wrong, errors.New("it names nobody: add tokens or certificates"))
	}
	return b, errors.Join(wrong...)
}

func at(list string, i int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s[%d].%w", list, i, err)
}

func (b *book) addToken(t tokenForm) error {
	hash := strings.ToLower(t.SHA256)
	if sum, err := hex.DecodeString(hash); err != nil || len(sum) != 32 {
		return errors.New(`sha256: it must be the 64 hexadecimal digits that "echelon token new" or "echelon token hash" prints`)
	}
	if _, twice := b.tokens[hash]; twice {
		return errors.New("sha256: another token has the same hash: each principal has a token of its own")
	}
	made, err := newEntry(t.Principal, t.Roles, t.Expires)
	b.tokens[hash] = made
	return err
}

func (b *book) addCertificate(c certificateForm) error {
	key := "cn:" + c.CN
	switch {
	case (c.CN == "") == (c.URI == ""):
		return errors.New("cn: give either cn, the subject's common name, or uri, a URI among the alternative names")
	case c.URI != "":
		key = "uri:" + c.URI
	}
	if _, twice := b.certificates[key]; twice {
		return fmt.Errorf("%s: %q stands here twice", key[:strings.Index(key, ":")], key[strings.Index(key, ":")+1:])
	}
	name := c.Principal
	if name == "" {
		name = c.CN + c.URI
	}
	made, err := newEntry(name, c.Roles, c.Expires)
	b.certificates[key] = made
	return err
}

func newEntry(principal string, names []string, expires string) (entry, error) {
	made := entry{principal: principal}
	if err := CheckName(principal); err != nil {
		return made, fmt.Errorf("principal: %w", err)
	}
	var err error
	if made.roles, err = ParseRoles(names); err != nil {
		return made, fmt.Errorf("roles: %w", err)
	}
	if made.roles == 0 {
		return made, errors.New("roles: it has none: give some of read, write, publish and admin")
	}
	if expires != "" {
		if made.expires, err = ParseExpiry(expires); err != nil {
			return made, fmt.Errorf("expires: %w", err)
		}
	}
	return made, nil
}

// ParseExpiry reads when a credential ends: an instant, or a day, at whose beginning in UTC it ends.
func ParseExpiry(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a date, such as 2027-01-31, nor an instant, such as 2027-01-31T12:00:00Z", text)
}

// CheckName returns what is wrong with the name of a principal.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("it has no name")
	case len(name) > MaxName:
		return fmt.Errorf("its name has %d bytes, at most %d are allowed", len(name), MaxName)
	case name == Anonymous.Name:
		return fmt.Errorf("%q is what the log calls those who were not authenticated: choose another name", name)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("its name %q has control characters or is no UTF-8", name)
	}
	return nil
}

// CheckFile reads a file of principals, and returns everything that is wrong with it.
func CheckFile(file string) error {
	_, err := readBook(file)
	return err
}
