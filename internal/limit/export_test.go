package limit

import "time"

// AwaitWanted waits until somebody waits for units of an account.
func (p *Pool) AwaitWanted(account string) {
	for !p.Wanted(account) {
		time.Sleep(time.Millisecond)
	}
}
