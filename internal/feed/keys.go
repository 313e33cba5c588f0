package feed

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/echelonhq/echelon/storage"
)

// Keys of storage.KindChangePlace: batches that have no number yet, by their ids; all others, by the number of their first change and by their ids; and
// the number that is given next. They are on disk: they are never changed.
const (
	pendingPrefix = "pending/"
	logPrefix     = "log/"
	numberPrefix  = "of/"
	headKey       = "head"
)

func logKey(sequence int64) string { return fmt.Sprintf("%s%019d", logPrefix, sequence) }

// Keys of storage.KindCustomerChange: the batches that change a customer in one commit with others or alone, and the publications, whose blocks are
// looked up by the customer's id. The id stands as a hash, so that no id is part of another's key.
func customerPrefix(id string) string { return fmt.Sprintf("customer/%x/", storage.TombstoneHash(id)) }

func customerKey(id, model, batch string) string { return customerPrefix(id) + model + "/" + batch }

func publicationPrefix(model string) string { return "publication/" + model + "/" }

// batchOf returns the batch that a key ends with.
func batchOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// NewID returns the id of a batch, which no other has.
func NewID(now time.Time) string {
	return now.UTC().Format("20060102-150405.000000") + "-" + rand.Text()[:12]
}

// Erased is what stands in changes for the id of a customer that was erased: who knows the id can tell that it is that one.
func Erased(id string) string { return fmt.Sprintf("erased-%x", storage.TombstoneHash(id)) }
