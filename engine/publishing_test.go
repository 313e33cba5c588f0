package engine_test

import (
	"fmt"
	"testing"
)

func TestMistakesOfPublishing(t *testing.T) {
	for approvals, wrong := range map[int]bool{-1: true, 0: true, 1: false, 10: false, 11: true} {
		_, found := tryCompile(t, fmt.Sprintf("publishing: {approvals: %d}\n", approvals)+everything)
		if has(found, "publishing.approvals", "from 1 to 10") != wrong {
			t.Errorf("%d approvals: %v", approvals, found)
		}
	}
	if _, found := tryCompile(t, "publishing: {}\n"+everything); !has(found, "publishing.approvals", "from 1 to 10") {
		t.Errorf("none: %v", found)
	}
}
