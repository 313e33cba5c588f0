package tabular

import (
	"strings"

	"github.com/echelonhq/echelon/engine/format"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// set gives the row that is being built a value, or refuses it.
func (r *Reader) set(field int, v Value) {
	of := r.builder.Schema().Field(field)
	number := of.Type == echelonv1.Attribute_NUMBER || of.Type == echelonv1.Attribute_INTEGER
	switch v.Kind {
	case Absent:
	case Cell:
		r.setCell(field, v.Text)
	case Text:
		r.setText(field, v.Text)
	case Number:
		if number {
			r.setCellOf(field, v.Text, r.plainNumber)
		} else if r.declared(field) && of.Type != echelonv1.Attribute_STRING {
			r.setCell(field, v.Text)
		} else {
			r.unfit(field, "the number "+v.Text)
		}
	case Truth:
		if of.Type == echelonv1.Attribute_BOOLEAN {
			r.builder.SetBool(field, v.Text == "true")
		} else {
			r.unfit(field, v.Text)
		}
	case Typed:
		r.setTyped(field, v)
	case List:
		if of.Type == echelonv1.Attribute_STRING_LIST {
			r.builder.SetList(field, v.Items)
		} else {
			r.unfit(field, "a list")
		}
	default:
		r.unfit(field, v.Text)
	}
}

// setText gives the row a text of JSON. Only where a format is declared it stands for a number, a truth value or a list.
func (r *Reader) setText(field int, text string) {
	switch of := r.builder.Schema().Field(field); {
	case of.Type == echelonv1.Attribute_STRING && text == "":
		r.builder.SetString(field, "")
	case of.Type == echelonv1.Attribute_STRING, of.Type == echelonv1.Attribute_DATE, of.Type == echelonv1.Attribute_TIMESTAMP, r.declared(field),
		r.isNull(field, text):
		r.setCell(field, text)
	default:
		r.unfit(field, "the text "+frame.Quote(text))
	}
}

// declared reports whether the model says how files write a value.
func (r *Reader) declared(field int) bool {
	f := r.options.Attributes[field].GetFormat()
	return f.GetKind() != echelonv1.Format_PLAIN || f.GetPattern() != "" || f.GetSeparator() != "" || f.GetDecimalComma()
}

func (r *Reader) isNull(field int, text string) bool {
	v, fault := r.parsers[field].Parse(text)
	return fault == nil && v.Missing && text != ""
}

// unfit refuses a value of JSON that is of another type.
func (r *Reader) unfit(field int, what string) {
	of := r.builder.Schema().Field(field)
	r.builder.Fail(of.Name, echelonv1.RowError_WRONG_TYPE, "%s: %s is no %s: write one, or say by `format` in the model how the file writes it",
		of.Name, what, of.Type)
}

func (r *Reader) setCell(field int, cell string) { r.setCellOf(field, cell, r.parsers[field]) }

// setCellOf gives the row what a parser reads in a cell, or refuses it.
func (r *Reader) setCellOf(field int, cell string, parser *format.Parser) {
	of := r.builder.Schema().Field(field)
	v, fault := parser.Parse(cell)
	switch {
	case fault != nil:
		r.builder.Fail(of.Name, fault.Code, "%s: %s", of.Name, fault.Message)
		return
	case v.Missing:
		return
	}
	switch of.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		r.builder.SetNumber(field, v.Number)
	case echelonv1.Attribute_BOOLEAN:
		r.builder.SetBool(field, v.Bool)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		r.builder.SetInt(field, v.Int)
	case echelonv1.Attribute_STRING_LIST:
		r.builder.SetList(field, v.List)
	default:
		// A cell is a part of its whole row's text: what is kept is copied, so that it does not keep the row.
		r.builder.SetString(field, strings.Clone(cell))
	}
}
