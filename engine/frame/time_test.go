package frame_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
)

func TestDates(t *testing.T) {
	// ROW-7
	for text, want := range map[string]int64{
		"1970-01-01": 0, "1969-12-31": -1, "2026-01-31": 20484, "2024-02-29": 19782, "0001-01-01": -719162, "9999-12-31": 2932896,
	} {
		if got, err := frame.ParseDate(text); err != nil || got != want || frame.FormatDate(got) != text {
			t.Errorf("%s is day %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "2026-1-31", "2026-01-3", "2026-02-30", "2025-02-29", "0000-01-01", "10000-01-01", "-001-01-01", "2026-01-31 ", " 2026-01-31", "2026/01/31",
		"20260131", "2026-01-31Z", "31-01-2026", "+2026-01-31", "2026-13-01",
	} {
		if got, err := frame.ParseDate(text); err == nil {
			t.Errorf("%q is taken as day %d", text, got)
		}
	}
}

func TestTimestamps(t *testing.T) {
	// ROW-7
	for text, want := range map[string]string{
		"2026-01-31T12:00:00Z":                    "2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00+02:00":               "2026-01-31T10:00:00Z",
		"2026-01-31t12:00:00z":                    "2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00.5Z":                  "2026-01-31T12:00:00.5Z",
		"2026-01-31T12:00:00.123456000Z":          "2026-01-31T12:00:00.123456Z",
		"2026-01-31T12:00:00.1234560000000+01:00": "2026-01-31T11:00:00.123456Z",
		"1969-12-31T23:59:59.999999Z":             "1969-12-31T23:59:59.999999Z",
		"0001-01-01T00:00:00Z":                    "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999-00:00":        "9999-12-31T23:59:59.999999Z",
	} {
		got, err := frame.ParseTimestamp(text)
		if err != nil || frame.FormatTimestamp(got) != want {
			t.Errorf("%s is %s, %v, want %s", text, frame.FormatTimestamp(got), err, want)
		}
	}
	for _, text := range []string{
		"", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31T12:00Z", "2026-01-31T1:00:00Z", "2026-01-31T12:00:00,5Z",
		"2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00.1234567Z",
		"2026-01-31T12:00:00.1234560001Z", "2026-01-31T12:00:00.12345600001+01:00", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+01:60",
		"2026-01-31T12:00:00+0100", "2026-01-31T12:00:00.Z", "2026-02-30T12:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00",
		"2026-01-31T12:00:00Z ", "2026-01-31T12:00:00UTC",
	} {
		if got, err := frame.ParseTimestamp(text); err == nil {
			t.Errorf("%q is taken as %s", text, frame.FormatTimestamp(got))
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	// ROW-7: what is taken is written so that it reads back as the same instant.
	for _, seed := range []string{"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+02:00", "9999-12-31T23:59:59.999999Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := frame.ParseTimestamp(text)
		if err != nil {
			return
		}
		if again, err := frame.ParseTimestamp(frame.FormatTimestamp(got)); err != nil || again != got {
			t.Errorf("%q is written %s, which reads as %d, %v", text, frame.FormatTimestamp(got), again, err)
		}
	})
}

func TestDaysBeginAtMidnight(t *testing.T) {
	// TIME-1
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "micros")
		day := frame.FloorDay(micros)
		start := frame.DayStart(day).UnixMicro()
		if micros < start || micros >= start+int64(24*time.Hour/time.Microsecond) || frame.DayOf(time.UnixMicro(micros)) != day {
			t.Fatalf("instant %d lies on day %d, which begins at %d", micros, day, start)
		}
	})
}

func TestNumbersAreTheShortestDecimalThatReadsBack(t *testing.T) {
	// ROW-9
	for x, want := range map[float64]string{
		0: "0", 1: "1", -1.5: "-1.5", 0.1: "0.1", 1e21: "1e+21", 123456789012345680000: "123456789012345680000", 5e-324: "5e-324", 100.0 / 3: "33.333333333333336",
	} {
		if got := frame.FormatNumber(x); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		x := math.Float64frombits(r.Uint64())
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		if back, err := strconv.ParseFloat(frame.FormatNumber(x), 64); err != nil || back != x {
			t.Fatalf("%v is written %s, which reads as %v, %v", x, frame.FormatNumber(x), back, err)
		}
	}
}

func TestBitmaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		b, want := frame.NewBitmap(n), make(map[int]bool)
		for range rapid.IntRange(0, 100).Draw(t, "changes") {
			if n == 0 {
				break
			}
			i, in := rapid.IntRange(0, n-1).Draw(t, "i"), rapid.Bool().Draw(t, "in")
			b.Set(i, in)
			want[i] = in
		}
		count := 0
		for i := range n {
			if b.Get(i) != want[i] {
				t.Fatalf("row %d is in: %v, want %v", i, b.Get(i), want[i])
			}
			if want[i] {
				count++
			}
		}
		if b.Count() != count {
			t.Fatalf("the set has %d rows, want %d", b.Count(), count)
		}
	})
}

func TestDaysBeginInTheirZone(t *testing.T) {
	// TIME-4
	for _, test := range []struct{ zone, day, want string }{
		{"UTC", "2026-03-29", "2026-03-29T00:00:00Z"},
		{"Europe/Berlin", "2026-01-31", "2026-01-30T23:00:00Z"},
		{"America/New_York", "2026-07-01", "2026-07-01T04:00:00Z"},
		{"Pacific/Auckland", "2026-01-31", "2026-01-30T11:00:00Z"},
		// At midnight clocks were put forward to 01:00.
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		{"Africa/Cairo", "2025-04-25", "2025-04-24T22:00:00Z"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := frame.ParseDate(test.day)
		if err != nil {
			t.Fatal(err)
		}
		start := frame.DayStartIn(day, zone)
		if got := start.Format(time.RFC3339); got != test.want {
			t.Errorf("in %s %s begins at %s, want %s", test.zone, test.day, got, test.want)
		}
		if frame.DayIn(start, zone) != day || frame.DayIn(start.Add(-time.Microsecond), zone) != day-1 {
			t.Errorf("in %s %s does not begin at %s", test.zone, test.day, start)
		}
	}
}
