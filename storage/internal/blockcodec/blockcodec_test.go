package blockcodec_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/internal/blockcodec"
)

// kept is a block whose bytes are kept in the tests.
var kept = &storagev1.SnapshotBlock{
	Ids: []string{"acme", "acmes", "globex"}, Segments: []*storagev1.NameColumn{{Codes: []uint32{1, 0, 1}}, {Codes: []uint32{7, 7, 7}}},
	Scores: []*storagev1.ScoreColumn{{Values: []float64{71.25, 0, 1.5}, Valid: []bool{true, false, true}, Completeness: []float64{1, 1, 1}}},
	Tiers:  []*storagev1.NameColumn{{Codes: []uint32{2, 300, 70000}}}, ReasonCounts: []uint32{1, 0, 0}, ReasonRefs: []uint32{0},
	Reasons: []*echelonv1.Reason{{Code: echelonv1.Reason_LAST_TIER, Message: "last"}}, Excluded: []bool{false, true, false},
}

// TestOldBlocksAreRead keeps a block byte by byte. It is never changed: such blocks lie on disks.
func TestOldBlocksAreRead(t *testing.T) {
	const fixture = "01" + "0a" + "2a0808022a046c617374" + // packed; the rest: a reason
		"03" + "0004" + "61636d65" + "0401" + "73" + "0006" + "676c6f626578" + // ids
		"02" + "0301" + "010001" + "0300" + "07" + // segments
		"01" + "0304" + "02000000" + "2c010000" + "70110100" + // tiers
		"00" + "00" + // computed and own tiers
		"01" + "0302" + "0000000000d05140" + "0000000000000000" + "000000000000f83f" + "0302" + "05" + "0300" + "000000000000f03f" + // scores
		"0301" + "010000" + "0100" + "00" + "0302" + "02" // counts, refs, excluded
	data, err := hex.DecodeString(fixture)
	if err != nil {
		t.Fatal(err)
	}
	got, err := blockcodec.Decode(data)
	if diff := cmp.Diff(kept, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
	again, err := blockcodec.Append(nil, kept)
	if err != nil || hex.EncodeToString(again) != fixture {
		t.Errorf("the same block is written as\n%x, %v, and was written as\n%s", again, err, fixture)
	}
	plain, err := proto.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	got, err = blockcodec.Decode(plain)
	if diff := cmp.Diff(kept, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("in wire format: error %v (-want +got)\n%s", err, diff)
	}
}

// numbers draws a column of codes, of one value, few or many.
func numbers(t *rapid.T, rows int) []uint32 {
	largest := rapid.SampledFrom([]uint32{0, 3, math.MaxUint8, math.MaxUint8 + 1, math.MaxUint16, math.MaxUint32}).Draw(t, "largest")
	one := rapid.SliceOfN(rapid.Uint32Range(0, largest), rows, rows).Draw(t, "codes")
	if rows > 0 && rapid.Bool().Draw(t, "one value") {
		one = slices.Repeat(one[:1], rows)
	}
	return one
}

func doubles(t *rapid.T, rows int) []float64 {
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), 1}))
	few := rapid.SliceOfN(number, 1, 5).Draw(t, "few")
	if rapid.Bool().Draw(t, "few values") {
		number = rapid.SampledFrom(few)
	}
	return rapid.SliceOfN(number, rows, rows).Draw(t, "values")
}

// draw returns a block whose columns need not fit each other.
func draw(t *rapid.T) *storagev1.SnapshotBlock {
	rows := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(250, 300)).Draw(t, "rows")
	b := &storagev1.SnapshotBlock{Ids: rapid.SliceOfN(rapid.StringN(0, 5, 20), 0, 10).Draw(t, "ids")}
	names := func(what string) (columns []*storagev1.NameColumn) {
		for range rapid.IntRange(0, 2).Draw(t, what) {
			columns = append(columns, &storagev1.NameColumn{Codes: numbers(t, rows)})
		}
		return columns
	}
	b.Segments, b.Tiers, b.ComputedTiers, b.OwnTiers = names("segments"), names("tiers"), names("computed"), names("own")
	flags := func(what string) []bool {
		return rapid.OneOf(rapid.SliceOfN(rapid.Bool(), rows, rows), rapid.SliceOfN(rapid.Just(true), 0, 9), rapid.SliceOfN(rapid.Just(false), 0, 9)).Draw(t, what)
	}
	for range rapid.IntRange(0, 2).Draw(t, "scores") {
		b.Scores = append(b.Scores, &storagev1.ScoreColumn{Values: doubles(t, rows), Valid: flags("valid"), Completeness: doubles(t, rows)})
	}
	b.ReasonCounts, b.ReasonRefs, b.Excluded = numbers(t, rows), numbers(t, rows+1), flags("excluded")
	for range rapid.IntRange(0, 2).Draw(t, "reasons") {
		b.Reasons = append(b.Reasons, &echelonv1.Reason{Message: rapid.String().Draw(t, "message")})
	}
	if rapid.Bool().Draw(t, "families") {
		b.Families = &echelonv1.FamilyTable{Customers: []string{"a"}}
	}
	return b
}

// later gives a message a field that this version does not know.
func later(m proto.Message) {
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 7)
	m.ProtoReflect().SetUnknown(unknown)
}

func TestABlockReadsBackWhateverIsInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t)
		if rapid.Bool().Draw(t, "a field of a later version") {
			later(want)
		}
		if len(want.GetTiers()) > 0 && rapid.Bool().Draw(t, "a field of a column of a later version") {
			later(want.Tiers[0])
		}
		if len(want.GetScores()) > 0 && rapid.Bool().Draw(t, "a field of a score of a later version") {
			later(want.Scores[0])
		}
		whole := proto.CloneOf(want)
		front := []byte("front")
		data, err := blockcodec.Append(front, want)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(whole, want) {
			t.Fatal("the block itself changed")
		}
		data = data[len(front):]
		got, err := blockcodec.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) || !sameBits(got, want) {
			t.Fatalf("(-want +got)\n%s", cmp.Diff(want, got, protocmp.Transform()))
		}
		for n := range data[:min(len(data), 400)] {
			if n == 0 {
				continue // nothing is an empty block in wire format
			}
			if _, err := blockcodec.Decode(data[:n]); err == nil {
				t.Fatalf("the first %d bytes of %d are read without an error", n, len(data))
			}
		}
	})
}

// sameBits tells 0 from -0, which proto.Equal does not.
func sameBits(a, b *storagev1.SnapshotBlock) bool {
	for i, score := range a.GetScores() {
		other := b.GetScores()[i]
		for row, x := range append(score.GetValues(), score.GetCompleteness()...) {
			if math.Float64bits(x) != math.Float64bits(append(other.GetValues(), other.GetCompleteness()...)[row]) {
				return false
			}
		}
	}
	return true
}

func TestLongColumnsOfOneValueAreRead(t *testing.T) {
	const rows = 70_000
	want := &storagev1.SnapshotBlock{
		Segments: []*storagev1.NameColumn{{Codes: slices.Repeat([]uint32{3}, rows)}}, Excluded: slices.Repeat([]bool{true}, rows),
		Scores: []*storagev1.ScoreColumn{{Values: slices.Repeat([]float64{0.5}, rows), Valid: make([]bool, rows), Completeness: make([]float64, rows)}},
	}
	data, err := blockcodec.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := blockcodec.Decode(data)
	if err != nil || !proto.Equal(got, want) {
		t.Fatalf("it reads otherwise, error %v", err)
	}
}

func TestTextsThatAreNoUTF8AreRefused(t *testing.T) {
	for name, block := range map[string]*storagev1.SnapshotBlock{
		"an id":    {Ids: []string{"a\xff"}},
		"a reason": {Reasons: []*echelonv1.Reason{{Message: "\xff"}}},
	} {
		if _, err := blockcodec.Append(nil, block); err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDamagedBlocksAreRefused(t *testing.T) {
	const none = "0000" + "00000000" + "00" // an empty rest, no ids, no columns of names, no scores
	tests := map[string]struct{ data, want string }{
		"another format":           {"02", "format 2"},
		"no rest":                  {"01", "too early"},
		"a rest that is too short": {"0105", "too early"},
		"an id of no end":          {"0100010009", "too early"},
		"an id that shares more":   {"0100" + "02" + "000161" + "0200", "too early"},
		"an id that is no text":    {"0100" + "01" + "0001ff", "UTF-8"},
		"columns of no end":        {"0100" + "00" + "ffffff0f", "too early"},
		"codes of three bytes":     {"01" + none + "0103" + "000000", "codes of 3 bytes"},
		"a code of too many bits":  {"01" + none + "0100" + "ffffffff1f", "more than 32 bits"},
		"an endless constant":      {"01" + none + "81808008" + "00" + "00" + "0000", "too early"},
		"a column of no end":       {"01" + none + "ffffffffffffffff7f" + "01", "too early"},
		"an unknown form of bits":  {"01" + none + "00" + "00" + "0103", "unknown form 3"},
		"an unknown form":          {"0100" + "00" + "00000000" + "01" + "0107" + "00000000", "unknown form 7"},
		"a value that is not there": {"0100" + "00" + "00000000" + "01" + "0101" + "00" + "0000000000000000" + "05" +
			"00000000", "value 5"},
		"a block behind another": {"01" + none + "000000" + "01", "1 bytes follow"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := hex.DecodeString(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := blockcodec.Decode(data); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

// FuzzDecode feeds anything to the decoder: it must not panic, and what it takes reads the same when it is written again.
func FuzzDecode(f *testing.F) {
	data, err := blockcodec.Append(nil, kept)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		block, err := blockcodec.Decode(data)
		if !bytes.Equal(data, before) {
			t.Fatal("the bytes changed")
		}
		if err != nil {
			return
		}
		again, err := blockcodec.Append(nil, block)
		if err != nil {
			t.Fatalf("it cannot be written again: %v", err)
		}
		got, err := blockcodec.Decode(again)
		if err != nil || !proto.Equal(got, block) {
			t.Fatalf("it reads otherwise when it is written again: %v", err)
		}
	})
}

func BenchmarkBlock(b *testing.B) {
	const rows = 1024
	block := &storagev1.SnapshotBlock{
		Segments: []*storagev1.NameColumn{{}}, Tiers: []*storagev1.NameColumn{{}, {}}, Scores: []*storagev1.ScoreColumn{{}},
	}
	for i := range rows {
		block.Ids = append(block.Ids, "cust-"+string([]byte{'0' + byte(i/1000), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10)}))
		block.Segments[0].Codes = append(block.Segments[0].Codes, uint32(i*7%6))
		block.Tiers[0].Codes = append(block.Tiers[0].Codes, uint32(i*5%4))
		block.Tiers[1].Codes = append(block.Tiers[1].Codes, uint32(i*3%4))
		score := block.Scores[0]
		score.Values, score.Valid = append(score.Values, math.Sqrt(float64(i))), append(score.Valid, true)
		score.Completeness = append(score.Completeness, float64(i*11%97)/97)
		block.ReasonCounts = append(block.ReasonCounts, 1)
		block.ReasonRefs = append(block.ReasonRefs, uint32(i%30))
	}
	for range 30 {
		block.Reasons = append(block.Reasons, &echelonv1.Reason{Code: echelonv1.Reason_MISSING, Item: "scores.value", Attribute: "usage", Message: "scores.value, usage: usage is missing"})
	}
	report := func(b *testing.B, bytes int) {
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		b.ReportMetric(float64(bytes)/rows, "bytes/row")
	}
	packed, err := blockcodec.Append(nil, block)
	plain, other := proto.Marshal(block)
	if err != nil || other != nil {
		b.Fatal(err, other)
	}
	b.Run("encode", func(b *testing.B) {
		var data []byte
		for b.Loop() {
			if data, err = blockcodec.Append(data[:0], block); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(packed))
	})
	b.Run("encode in wire format", func(b *testing.B) {
		for b.Loop() {
			if _, err := proto.Marshal(block); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(plain))
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := blockcodec.Decode(packed); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(packed))
	})
	b.Run("decode in wire format", func(b *testing.B) {
		for b.Loop() {
			if _, err := blockcodec.Decode(plain); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(plain))
	})
}
