package snapshot

import (
	"github.com/echelonhq/echelon/engine"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// criterionBytes is how many bytes a block has of a criterion of a customer.
const criterionBytes = 2

// encodeCriteria adds to a block what is kept of criteria.
func encodeCriteria(block *storagev1.SnapshotBlock, r *engine.Result) {
	for _, values := range r.Criteria {
		block.Criteria = append(block.Criteria, &storagev1.CriterionColumn{Values: values})
	}
}

// criteria returns to a result what is kept of criteria; nil where nothing is.
func (d *decoder) criteria(p *engine.Program, block *storagev1.SnapshotBlock) (all [][]byte) {
	if len(block.GetCriteria()) == 0 {
		return nil
	}
	d.expect("criteria", len(block.GetCriteria()), p.Criteria())
	for _, column := range block.GetCriteria() {
		d.expect("bytes of a criterion", len(column.GetValues()), criterionBytes*d.rows)
		all = append(all, column.GetValues())
	}
	return all
}

// criteriaAt returns the criteria of rows.
func criteriaAt(columns []*storagev1.CriterionColumn, rows []int) []*storagev1.CriterionColumn {
	if len(columns) == 0 {
		return nil
	}
	made, some := make([]storagev1.CriterionColumn, len(columns)), make([]*storagev1.CriterionColumn, len(columns))
	for i, column := range columns {
		values := column.GetValues()
		if len(rows) == 1 && criterionBytes*(rows[0]+1) <= len(values) {
			made[i].Values = values[criterionBytes*rows[0] : criterionBytes*(rows[0]+1) : criterionBytes*(rows[0]+1)]
		} else {
			for _, row := range rows {
				if criterionBytes*(row+1) <= len(values) {
					made[i].Values = append(made[i].Values, values[criterionBytes*row:criterionBytes*(row+1)]...)
				}
			}
		}
		some[i] = &made[i]
	}
	return some
}
