package arrowframe

// WindowsWithin is windowsWithin, for tests.
var WindowsWithin = windowsWithin

// Parts splits a stream into its messages, without the mark of the end.
func Parts(stream []byte) (parts [][]byte) {
	m := &messages{left: stream}
	for {
		before := m.left
		if _, _, err := m.next(); err != nil {
			return parts
		}
		parts = append(parts, before[:len(before)-len(m.left)])
	}
}

// Keeps reports whether memory keeps the stream that was read last, with its dictionaries.
func Keeps(m *Memory) bool { return m.opened != nil }
