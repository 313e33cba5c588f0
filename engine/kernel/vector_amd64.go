package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/echelonhq/echelon/engine/frame"
)

// vectors tells that the processor has the instructions of the loops below. GODEBUG=cpu.avx512f=off turns them off.
var vectors = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL

// A group is eight rows. None of these looks at how long a slice is: whoever calls them does, and has a group at least.

//go:noescape
func compareLess(dst *uint64, a *float64, groups int, c float64)

//go:noescape
func compareLessEqual(dst *uint64, a *float64, groups int, c float64)

//go:noescape
func compareGreater(dst *uint64, a *float64, groups int, c float64)

//go:noescape
func compareGreaterEqual(dst *uint64, a *float64, groups int, c float64)

//go:noescape
func compareEqual(dst *uint64, a *float64, groups int, c float64)

//go:noescape
func compareNotEqual(dst *uint64, a *float64, groups int, c float64)

//go:noescape
func pickOf(dst *uint64, codes *uint32, groups int, table uint64)

//go:noescape
func masksOf(dst *uint8, sets *frame.Bitmap, count int, words int)

//go:noescape
func linearTimes(out, in *float64, groups int, low, scale float64)

//go:noescape
func linearOver(out, in *float64, groups int, low, scale float64)

//go:noescape
func addFourOf(sums *float64, columns *[4]Weighted, groups int)

//go:noescape
func addOneOf(sums *float64, column *Weighted, groups int)

//go:noescape
func meansOf(sums, shares *float64, valid *uint64, masks *uint8, groups int, t *MeanTable)

//go:noescape
func ranksOf(out, in *float64, groups int, keys *int64, levels int, between *float64)

//go:noescape
func polylineOf(out, in *float64, groups int, keys *int64, levels int, pieces *piece)

//go:noescape
func logarithmicOf(out, in *float64, near *uint8, groups int, steps *logStep, c *logConstants)

//go:noescape
func soundOf(values *float64, valid *uint64, groups int) (infinite, left uint64)

//go:noescape
func widenOf(dst *float64, from *int64, valid *uint64, groups int, most float64) (beyond uint64)

//go:noescape
func recodeOf(dst *uint32, places *uint32, valid *uint64, pairs int, table *uint32, size uint32) (outside uint64)

//go:noescape
func countOf(levels *uint32, set *uint64, pairs int, step uint32)

//go:noescape
func narrowOf(dst *uint8, codes *uint32, pairs int)
