// Package format reads the cells of files as attributes declare them: money, percents, words for yes and no, dates by pattern, serial numbers of
// spreadsheets, tokens that mean missing. A declared form leaves nothing to guess: a cell either has it, and then has one meaning, or is refused.
package format
