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
		c.insert(key, value)
	}
	return value, nil
}

// put keeps a value in place of what is kept of the key.
func (c *cache[V]) put(key string, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.by[key]; ok {
		element.Value = entry[V]{key, value}
		c.order.MoveToFront(element)
		return
	}
	c.insert(key, value)
}

// insert keeps the value of a key that has none, and forgets the one that was not used for longest where there are too many. The lock is held.
func (c *cache[V]) insert(key string, value V) {
	c.by[key] = c.order.PushFront(entry[V]{key, value})
	if c.order.Len() > c.most {
		delete(c.by, c.order.Remove(c.order.Back()).(entry[V]).key)
	}
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
