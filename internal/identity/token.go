package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	// tokenPrefix lets people, and what looks for secrets in files, know a token when they see one.
	tokenPrefix = "ech_"
	// minToken is the shortest token that is hashed, in bytes: the hash has no salt, so it must not be guessed.
	minToken = 24
)

// NewToken returns a new static token, of 256 random bits.
func NewToken() string {
	var random [32]byte
	// Read never fails: it ends the program where the system has no randomness.
	_, _ = rand.Read(random[:])
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
}

// HashToken returns the SHA-256 of a token in hexadecimal, as the file of principals has it. A token that could be guessed is refused.
func HashToken(token string) (string, error) {
	if len(token) < minToken {
		return "", fmt.Errorf("the token has %d bytes and could be guessed: at least %d, of random ones, are needed", len(token), minToken)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("the token has blanks or characters beyond ASCII, which no header can carry")
	}
	return hashed(token), nil
}

func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
