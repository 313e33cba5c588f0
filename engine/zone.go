package engine

import (
	"time"
	// Zones are known on machines, too, that have no database of them.
	_ "time/tzdata"
)

// zoneOf returns a time zone by its IANA name; UTC where it has none. A zone of the machine is no zone of a model.
func zoneOf(name string) (*time.Location, bool) {
	switch name {
	case "", "UTC":
		return time.UTC, true
	case "Local":
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// Zone returns the model's time zone, which turns instants into calendar days.
func (p *Program) Zone() *time.Location { return p.zone }

// ZoneOf returns the time zone of a model; UTC where the model has none or one that is unknown.
func ZoneOf(name string) *time.Location {
	if zone, ok := zoneOf(name); ok {
		return zone
	}
	return time.UTC
}
