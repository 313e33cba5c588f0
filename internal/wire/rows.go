package wire

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Rows reads batches of customers into frames of one schema. It is used by one goroutine at a time.
type Rows struct {
	// Builder takes the rows. Another one of the same schema may take the next batch.
	Builder *frame.Builder
	// Add adds a customer to it that is not as most are.
	Add func(*echelonv1.Customer) *echelonv1.RowError
	// Ignore reports whether an attribute that the schema lacks is to be left out; otherwise Add refuses its customer.
	Ignore func(name string) bool

	// names are the attributes of the row before, in its order: most encoders write those of each row in the same one.
	names []name
	lists map[int][]string
	ids   strings.Builder
}

// name is what an attribute's name stands for.
type name struct {
	text string
	// field is its place in the schema, or -1 where it is ignored.
	field int
}

const (
	// customerDepth is how deep a customer lies in a request of a bulk stream.
	customerDepth = 3
	// idChunk is how many bytes of ids lie in one piece of memory, which lives as long as one of them does.
	idChunk = 16 << 10
)

// NewRows returns what reads the customers that a builder adds as messages: with that choice about attributes that its schema lacks.
func NewRows(builder *frame.Builder, ignoreUnknown bool) *Rows {
	r := &Rows{Builder: builder, Ignore: func(string) bool { return ignoreUnknown }}
	r.Add = func(c *echelonv1.Customer) *echelonv1.RowError { return r.Builder.AddCustomer(c, ignoreUnknown) }
	return r
}

// Read adds the customers of a batch to the builder, and calls row for each: with its place, with the message that it came as unless it was like most,
// and with the reason where it is refused. The error is of a customer that protobuf cannot decode; the builder is worth nothing then.
func (r *Rows) Read(rows []byte, row func(place int, customer *echelonv1.Customer, refused *echelonv1.RowError)) error {
	for place := 0; len(rows) > 0; place++ {
		data, rest, ok := field(rows, bytes1)
		if !ok {
			return protowire.ParseError(-1) // Split has seen that there is none
		}
		rows = rest
		customer, refused, err := r.ReadOne(data, customerDepth)
		if err != nil {
			return err
		}
		row(place, customer, refused)
	}
	return nil
}

// ReadOne adds a customer to the builder, as Read adds those of a batch. Depth is how deep it lies in the request.
func (r *Rows) ReadOne(data []byte, depth int) (customer *echelonv1.Customer, refused *echelonv1.RowError, err error) {
	if r.plain(data) {
		return nil, r.Builder.Commit(), nil
	}
	customer = &echelonv1.Customer{}
	if err := decode(data, customer, depth); err != nil {
		return nil, nil, err
	}
	return customer, r.Add(customer), nil
}

// decode decodes a message that lies that deep in a request: protobuf bounds how deep messages lie.
func decode(data []byte, to proto.Message, depth int) error {
	return proto.UnmarshalOptions{RecursionLimit: protowire.DefaultRecursionLimit - depth}.Unmarshal(data, to)
}

// plain begins a row with a customer, and reports false where it is not as most are.
func (r *Rows) plain(data []byte) bool {
	id, rest, ok := field(data, bytes1)
	if ok {
		data = rest
	}
	if !valid(id) {
		return false
	}
	r.Builder.Start(r.keep(id))
	for len(data) > 0 {
		content, rest, ok := field(data, data[0])
		if !ok {
			return false
		}
		switch data[0] {
		case bytes2:
			if !r.attributes(content) {
				return false
			}
		case bytes3:
			if !plainInstant(content) {
				return false
			}
		default:
			return false
		}
		data = rest
	}
	return true
}

// keep returns an id as a text of its own.
func (r *Rows) keep(id []byte) string {
	if r.ids.Cap()-r.ids.Len() < len(id) {
		r.ids = strings.Builder{}
		r.ids.Grow(max(idChunk, len(id)))
	}
	from := r.ids.Len()
	r.ids.Write(id)
	return r.ids.String()[from:]
}

// plainInstant reports whether data is a Timestamp and nothing else. What it says is not looked at.
func plainInstant(data []byte) bool {
	for _, tag := range []byte{varint1, varint2} {
		if len(data) == 0 || data[0] != tag {
			continue
		}
		_, n := protowire.ConsumeVarint(data[1:])
		if n < 0 {
			return false
		}
		data = data[1+n:]
	}
	return len(data) == 0
}

// attributes gives the row the values of a Struct.
func (r *Rows) attributes(data []byte) bool {
	for place := 0; len(data) > 0; place++ {
		entry, rest, ok := field(data, bytes1)
		if !ok {
			return false
		}
		data = rest
		key, entry, ok := field(entry, bytes1)
		if !ok {
			return false
		}
		value, entry, ok := field(entry, bytes2)
		if !ok || len(entry) > 0 {
			return false
		}
		i, ok := r.field(place, key)
		switch {
		case !ok:
			return false
		case i < 0:
			ok = plainValue(value)
		default:
			ok = r.value(i, value)
		}
		if !ok {
			return false
		}
	}
	return true
}

// field returns the place of an attribute in the schema, or -1 where it is ignored. It reports false where it is neither.
func (r *Rows) field(place int, key []byte) (int, bool) {
	if place < len(r.names) && r.names[place].text == string(key) {
		found := r.names[place]
		return found.field, found.field >= 0 || r.Ignore(found.text)
	}
	schema := r.Builder.Schema()
	found := name{field: -1}
	if i, known := schema.Index(string(key)); known {
		found = name{schema.Field(i).Name, i}
	} else if found.text = string(key); !valid(key) || !r.Ignore(found.text) {
		return 0, false
	}
	if place < len(r.names) {
		r.names[place] = found
	} else if place == len(r.names) {
		r.names = append(r.names, found)
	}
	return found.field, true
}
