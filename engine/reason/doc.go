// Package reason collects the causes of outcomes, row by row. A batch has few different reasons and many rows, so that each reason is kept once.
package reason
