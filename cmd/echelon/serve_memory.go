package main

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// garbagePercent is how much garbage may lie beside what is in use before it is collected, in percent of that: twice what Go does by itself, since the
// memory limit sees to it that there is not too much.
const garbagePercent = 200

// controlGroupFiles tell how much memory the operating system allows the process, in a container or a systemd unit: version 2 and version 1.
var controlGroupFiles = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// memoryLimit returns what the collector of garbage is to stay within, in bytes: what was asked for, or nine tenths of what the operating system
// allows where that is less. The rest is for what is not Go's: files that are mapped, and stacks.
func memoryLimit(asked int64, files []string) int64 {
	allowed := int64(math.MaxInt64)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			allowed = min(allowed, n)
		}
	}
	return min(asked, allowed/10*9)
}
