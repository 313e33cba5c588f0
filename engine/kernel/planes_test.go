package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
)

func TestPlanesGiveBackTheCodesThatWerePut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rows := range []int{0, 1, 4, 5, 63, 64, 65, 200, 1024} {
		for _, last := range []int{0, 1, 2, 7, 255, 256, 70_000} {
			want := make([]uint32, rows)
			sets := make(map[int]frame.Bitmap)
			planes := new(Arena).NewPlanes(rows, last)
			for row := range want {
				code := random.IntN(last + 1)
				want[row] = uint32(code)
				if row%5 == 0 {
					planes.PutOne(row, code)
					continue
				}
				if sets[code] == nil {
					sets[code] = frame.NewBitmap(rows)
				}
				sets[code].Set(row, true)
			}
			for code, set := range sets {
				planes.Put(set, code)
			}
			got := make([]uint32, rows)
			for i := range got {
				got[i] = 99 // what was there before is nothing
			}
			if planes.Codes(got); !slices.Equal(got, want) {
				t.Errorf("%d rows up to %d: got %v, want %v", rows, last, got, want)
			}
		}
	}
}

func TestMasksTellTheSetsOfEachRow(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, rows := range []int{1, 4, 5, 64, 100, 513} {
		for n := range 9 {
			var sets []frame.Bitmap
			want := make([]uint8, rows)
			for k := range n {
				set := frame.NewBitmap(rows)
				for row := range rows {
					in := random.IntN(2) == 0
					set.Set(row, in)
					if in {
						want[row] |= 1 << k
					}
				}
				sets = append(sets, set)
			}
			got := make([]uint8, rows)
			if Masks(got, sets); !slices.Equal(got, want) {
				t.Errorf("%d rows of %d sets: got %08b, want %08b", rows, n, got, want)
			}
		}
	}
}
