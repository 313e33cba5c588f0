package badger

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger gives slog what the database says. Its information is of use only to who looks for a fault in it.
type logger struct{ log *slog.Logger }

// Errorf implements the database's Logger.
func (l logger) Errorf(format string, args ...any) { l.log.Error(line(format, args)) }

// Warningf implements the database's Logger.
func (l logger) Warningf(format string, args ...any) { l.log.Warn(line(format, args)) }

// Infof implements the database's Logger.
func (l logger) Infof(format string, args ...any) { l.log.Debug(line(format, args)) }

// Debugf implements the database's Logger.
func (l logger) Debugf(format string, args ...any) { l.log.Debug(line(format, args)) }

func line(format string, args []any) string {
	return "badger: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}
