package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
)

// account is a customer of the second model. What it lacks is empty, or the zero time.
type account struct {
	email, title, website, plan string
	tags                        []string
	signed, renewal, lastSeen   time.Time
	trial                       bool
}

// accounts draws n of them, always the same.
func accounts(n int) []account {
	r := rand.New(rand.NewPCG(3, 4))
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	list := make([]account, n)
	for i := range list {
		a := account{
			email:   fmt.Sprintf("%s.%s%d@%s", one("ada", "bob", "cleo", "dan", "eve"), one("fox", "hill", "Moss", "o-neil"), r.IntN(300), one("acme.com", "uni.edu", "bank.example")),
			title:   one("Chief ", "VP ", "Head of ", "head of ", "Junior ", "") + one("Data", "Sales", "Security", "Success", "Chief of Staff"),
			website: fmt.Sprintf("https://%s%s%d.example", one("shop.", "www.", ""), one("bank", "mill", "lab"), r.IntN(900)),
			plan:    one("free", "starter", "business", "enterprise"),
			signed:  asOf.AddDate(0, 0, -r.IntN(2000)), renewal: asOf.AddDate(0, 0, r.IntN(500)-50),
			lastSeen: asOf.Add(-time.Duration(r.IntN(250*24*60)) * time.Minute), trial: r.IntN(4) == 0,
		}
		for range r.IntN(7) {
			a.tags = append(a.tags, one("security", "mobile", "churned", "beta", "reseller", "api", "training", "pilot"))
		}
		for _, lacks := range []func(){
			func() { a.email = "" }, func() { a.title = "" }, func() { a.website = "" }, func() { a.plan = "" }, func() { a.tags = nil },
			func() { a.signed = time.Time{} }, func() { a.renewal = time.Time{} }, func() { a.lastSeen = time.Time{} },
		} {
			if r.IntN(20) == 0 {
				lacks()
			}
		}
		list[i] = a
	}
	return list
}

// accountsFrame is accounts as a frame of that schema. Tags that are nil are missing.
func accountsFrame(list []account, schema *frame.Schema) *frame.Frame {
	f := &frame.Frame{Schema: schema, IDs: make([]string, len(list)), Columns: make([]frame.Column, schema.Len())}
	column := func(name string) *frame.Column {
		i, ok := schema.Index(name)
		if !ok {
			panic("the schema has no " + name)
		}
		f.Columns[i].Type, f.Columns[i].Valid = schema.Field(i).Type, frame.NewBitmap(len(list))
		return &f.Columns[i]
	}
	for name, of := range map[string]func(a *account) string{
		"email": func(a *account) string { return a.email }, "title": func(a *account) string { return a.title },
		"website": func(a *account) string { return a.website }, "plan": func(a *account) string { return a.plan },
	} {
		to, codes := column(name), dictionary{}
		for i := range list {
			text := of(&list[i])
			to.Valid.Set(i, text != "")
			to.Codes = append(to.Codes, codes.code(to, text))
		}
	}
	tags, codes := column("tags"), dictionary{}
	tags.Offsets = append(tags.Offsets, 0)
	for i := range list {
		f.IDs[i] = fmt.Sprintf("account-%07d", i)
		tags.Valid.Set(i, list[i].tags != nil)
		for _, tag := range list[i].tags {
			tags.Codes = append(tags.Codes, codes.code(tags, tag))
		}
		tags.Offsets = append(tags.Offsets, uint32(len(tags.Codes)))
	}
	times(column("signed"), list, func(a *account) (time.Time, int64) { return a.signed, a.signed.Unix() / 86400 })
	times(column("renewal"), list, func(a *account) (time.Time, int64) { return a.renewal, a.renewal.Unix() / 86400 })
	times(column("last_seen"), list, func(a *account) (time.Time, int64) { return a.lastSeen, a.lastSeen.UnixMicro() })
	trial := column("trial")
	trial.Bits = frame.NewBitmap(len(list))
	for i := range list {
		trial.Valid.Set(i, true)
		trial.Bits.Set(i, list[i].trial)
	}
	return f
}

func times(to *frame.Column, list []account, of func(*account) (time.Time, int64)) {
	to.Ints = make([]int64, len(list))
	for i := range list {
		if at, value := of(&list[i]); !at.IsZero() {
			to.Ints[i] = value
			to.Valid.Set(i, true)
		}
	}
}

// dictionary is the codes of texts of a column.
type dictionary map[string]uint32

func (d dictionary) code(of *frame.Column, text string) uint32 {
	code, known := d[text]
	if !known {
		code = uint32(len(of.Dict))
		d[text] = code
		of.Dict = append(of.Dict, text)
	}
	return code
}
