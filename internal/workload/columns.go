package workload

import "math"

// The number columns, as indices into Cols.F and FNames.
const (
	ARR = iota
	EMP
	REV
	GROWTH
	SOW
	USAGE
	NPS
	TENURE
)

// The integer columns, as indices into Cols.I and INames.
const (
	SEATS = iota
	PRODUCTS
)

// The string columns, as indices into Cols.S, Cols.Str, Cols.Dict and SNames.
const (
	INDUSTRY = iota
	COUNTRY
	REGION
	PLAN
	GOAL
)

// The attributes' names, in the order of the columns. The one boolean, Cols.B, is BName.
var (
	FNames = []string{"arr", "employees", "revenue", "growth_potential", "share_of_wallet", "usage", "nps", "tenure_days"}
	INames = []string{"seats", "product_count"}
	SNames = []string{"industry", "country", "region", "plan", "goal"}
)

// BName is the name of the boolean attribute.
const BName = "is_partner"

// NullI is the null of the integer columns; the null of the number columns is NaN. Strings and booleans are never null.
const NullI = math.MinInt64

// IndustryScore is what each industry counts in the score, 0 to 100, by its code in the dictionary.
var IndustryScore = [20]float64{90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5, 95, 100}

// Cols is a set of customers in columns; the customer i is row i of each.
type Cols struct {
	N    int          // the number of customers
	ID   []string     // "cust-000000000" and so on
	F    [8][]float64 // numbers; NaN is null
	I    [2][]int64   // integers; NullI is null
	S    [5][]uint32  // strings, as codes into Dict
	Str  [5][]string  // the same strings, written out
	Dict [5][]string  // the strings that each column draws from
	B    []bool       // is_partner
	BP   [101]float64 // the breakpoints of usage: u[k(n-1)/100] of its n sorted values that are not null
}
