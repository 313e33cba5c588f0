// Package limit counts what is in use against what may be: a Pool of slots or bytes, shared by accounts within accounts, and the Rates of many
// callers. It knows neither calls nor errors: whoever asks says what becomes of one that is refused.
package limit
