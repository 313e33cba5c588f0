//go:build !amd64

package kernel

import "github.com/echelonhq/echelon/engine/frame"

// What the loops in Go leave to the processor is nothing here.

func compareFirst(Op, frame.Bitmap, []float64, float64) int { return 0 }

func pickFirst(frame.Bitmap, []uint32, []bool) int { return 0 }

func masksFirst([]uint8, []frame.Bitmap) int { return 0 }

func linearFirst(_, _ []float64, _, _, _ float64, _ bool) int { return 0 }

func addFourFirst([]float64, *[4]Weighted) int { return 0 }

func addOneFirst([]float64, *Weighted) int { return 0 }

func meansFirst(_, _ []float64, _ frame.Bitmap, _ []uint8, _ *MeanTable) int { return 0 }

func ranksFirst(_ *Ranks, _, _ []float64) int { return 0 }

func polylineFirst(_ *Polyline, _, _ []float64) int { return 0 }

func logarithmicFirst(_, _ []float64, _, _, _, _ float64, _ func(int)) int { return 0 }

func soundFirst([]float64, frame.Bitmap) (rows int, finite, zeros bool) { return 0, true, true }

func widenFirst([]float64, []int64, frame.Bitmap) (rows int, within bool) { return 0, true }

func recodeFirst(_, _, _ []uint32, _ frame.Bitmap) (rows int, inside bool) { return 0, true }

func countFirst([]uint32, frame.Bitmap, uint32) int { return 0 }

func narrowFirst([]uint8, []uint32) int { return 0 }
