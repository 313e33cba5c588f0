package memory_test

import (
	"testing"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
	"github.com/echelonhq/echelon/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.Run(t, storagetest.Subject{Open: func(*testing.T) storage.Store { return memory.New() }})
}
