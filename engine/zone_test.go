package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine"
)

func TestTimeZonesTurnInstantsIntoDays(t *testing.T) {
	// as_of is 2026-01-31T00:00Z: in New York it is still the 30th, 19:00; in Auckland the 31st, 13:00.
	tests := []struct {
		name, zone, when string
	}{
		{"TIME-1 without a zone it is UTC", "", `days_since(d) == 1 && date(as_of) == date("2026-01-31")`},
		{"TIME-1 UTC has a name", "UTC", `days_since(d) == 1`},
		{"TIME-1 days since in the west", "America/New_York", `days_since(d) == 0`},
		{"TIME-1 days until in the west", "America/New_York", `days_until(d) == 0`},
		{"TIME-1 days since in the east", "Pacific/Auckland", `days_since(d) == 1`},
		{"TIME-2 of a timestamp seconds count everywhere", "America/New_York", `days_since(t) == 0 && days_until(t) == -1`},
		{"TIME-3 the day of a timestamp", "America/New_York", `date(t) == date("2026-01-29")`},
		{"TIME-3 hours", "America/New_York", `as_of.getHours() == 19 && as_of.getMinutes() == 0`},
		{"TIME-3 hours of a summer", "America/New_York", `timestamp("2026-07-01T12:00:00Z").getHours() == 8`},
		{"TIME-3 parts of the day", "Pacific/Kiritimati", `as_of.getHours() == 14 && as_of.getDayOfWeek() == 6`},
		{"TIME-3 parts of the day before", "America/New_York", `as_of.getDate() == 30 && as_of.getDayOfWeek() == 5`},
		{"TIME-3 a year that has not begun", "America/New_York", `timestamp("2026-01-01T02:00:00Z").getFullYear() == 2025`},
		{"TIME-3 a date has no zone", "America/New_York", `date("2026-01-01").getFullYear() == 2026`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := evaluate(t, fmt.Sprintf("time_zone: %q\n", test.zone)+attributes+
				fmt.Sprintf("segmentations: [{name: size, segments: [{name: yes, when: '%s'}], otherwise: no}]\n", test.when),
				person{"a", attrs{"d": "2026-01-30", "t": "2026-01-30T04:30:00Z"}})
			if got := s.segment("a"); got != "yes" {
				t.Errorf("it does not hold: %v", s.assignment("a").GetReasons())
			}
		})
	}
}

func TestMistakesOfTheTimeZone(t *testing.T) {
	// TIME-3
	for _, zone := range []string{"Local", "Berlin", "+01:00", "../etc/passwd", "europe/atlantis"} {
		if _, found := tryCompile(t, fmt.Sprintf("time_zone: %q\n", zone)+everything); !has(found, "time_zone", "there is no time zone") {
			t.Errorf("of %q it finds %v", zone, found)
		}
		if engine.ZoneOf(zone) != time.UTC {
			t.Errorf("%q is a zone", zone)
		}
	}
	if zone := compile(t, "time_zone: Europe/Berlin\n"+everything).Zone(); zone.String() != "Europe/Berlin" {
		t.Errorf("the zone is %v", zone)
	}
}
