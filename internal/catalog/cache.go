package catalog

import (
	"container/list"
	"sync"
)

// cache keeps the values that were used last, by key.
type cache[V any] struct {
	most int

	mu    sync.Mutex
	order *list.List
	by    map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
}

func newCache[V any](most int) *cache[V] {
	return &cache[V]{most: most, order: list.New(), by: make(map[string]*list.Element)}
}

// get returns the value of a key, which is made where it is not kept. Two callers may make it at the same time; that costs time and nothing else.
func (c *cache[V]) get(key string, make func() (V, error)) (V, error) {
	if value, ok := c.look(key); ok {
		return value, nil
	}
	value, err := make()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.by[key]; !ok {
		c.by[key] = c.order.PushFront(entry[V]{key, value})
	}
	if c.order.Len() > c.most {
		delete(c.by, c.order.Remove(c.order.Back()).(entry[V]).key)
	}
	return value, nil
}

func (c *cache[V]) look(key string) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.by[key]
	if ok {
		c.order.MoveToFront(element)
		value = element.Value.(entry[V]).value
	}
	return value, ok
}
