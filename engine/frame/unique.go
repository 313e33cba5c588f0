package frame

// uniqueIDs tells ids that came before. Ids mostly come in order, and then the last one tells all: they are collected only once one does not come after
// it. A nil one takes every id for new.
type uniqueIDs struct {
	last string
	// seen are all ids; nil as long as each came after the one before.
	seen map[string]struct{}
	// earlier are the ids of frames that were taken while seen is nil.
	earlier [][]string
}

// has reports whether an id came before. Current are the ids of the frame that is being built.
func (u *uniqueIDs) has(id string, current []string) bool {
	switch {
	case u == nil:
		return false
	case u.seen == nil && (id > u.last || len(u.earlier) == 0 && len(current) == 0):
		return false
	}
	u.collect(current)
	_, seen := u.seen[id]
	return seen
}

// collect collects all ids, unless they are.
func (u *uniqueIDs) collect(current []string) {
	if u.seen != nil {
		return
	}
	u.seen = make(map[string]struct{})
	for _, ids := range append(u.earlier, current) {
		for _, id := range ids {
			u.seen[id] = struct{}{}
		}
	}
	u.earlier = nil
}

// add notes an id that is new.
func (u *uniqueIDs) add(id string) {
	switch {
	case u == nil:
	case u.seen != nil:
		u.seen[id] = struct{}{}
	default:
		u.last = id
	}
}

// took notes that a frame was taken.
func (u *uniqueIDs) took(ids []string) {
	if u != nil && u.seen == nil && len(ids) > 0 {
		u.earlier = append(u.earlier, ids)
	}
}
