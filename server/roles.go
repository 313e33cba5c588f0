package server

import (
	"strings"

	"github.com/echelonhq/echelon/internal/identity"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// roleOf is the one table from RPCs to the role that each needs; a test holds it against the services. docs/operations.md says what the roles mean.
var roleOf = map[string]identity.Role{
	echelonv1.ScoringService_ScoreCustomer_FullMethodName:       identity.Read,
	echelonv1.ScoringService_BatchScoreCustomers_FullMethodName: identity.Read,
	echelonv1.ScoringService_Calibrate_FullMethodName:           identity.Read,
	echelonv1.ScoringService_BulkAssign_FullMethodName:          identity.Read,

	echelonv1.CustomerService_UpsertCustomer_FullMethodName:  identity.Write,
	echelonv1.CustomerService_GetCustomer_FullMethodName:     identity.Read,
	echelonv1.CustomerService_DeleteCustomer_FullMethodName:  identity.Write,
	echelonv1.CustomerService_ImportCustomers_FullMethodName: identity.Write,
	echelonv1.CustomerService_ExportCustomers_FullMethodName: identity.Read,

	echelonv1.ModelService_CreateModel_FullMethodName:   identity.Write,
	echelonv1.ModelService_ValidateModel_FullMethodName: identity.Read,
	echelonv1.ModelService_ListModels_FullMethodName:    identity.Read,
	echelonv1.ModelService_GetModel_FullMethodName:      identity.Read,
	echelonv1.ModelService_ActivateModel_FullMethodName: identity.Publish,

	echelonv1.RunService_StartRun_FullMethodName:   identity.Write,
	echelonv1.RunService_GetRun_FullMethodName:     identity.Read,
	echelonv1.RunService_ListRuns_FullMethodName:   identity.Read,
	echelonv1.RunService_PublishRun_FullMethodName: identity.Publish,
	echelonv1.RunService_RollBack_FullMethodName:   identity.Publish,

	echelonv1.AssignmentService_GetAssignment_FullMethodName:     identity.Read,
	echelonv1.AssignmentService_ListAssignments_FullMethodName:   identity.Read,
	echelonv1.AssignmentService_ExportAssignments_FullMethodName: identity.Read,
	echelonv1.AssignmentService_GetFamily_FullMethodName:         identity.Read,

	echelonv1.AssignmentService_SetOverride_FullMethodName:     identity.Write,
	echelonv1.AssignmentService_GetOverride_FullMethodName:     identity.Read,
	echelonv1.AssignmentService_ListOverrides_FullMethodName:   identity.Read,
	echelonv1.AssignmentService_DeleteOverride_FullMethodName:  identity.Write,
	echelonv1.AssignmentService_ImportOverrides_FullMethodName: identity.Write,

	echelonv1.AssignmentService_ListReviewItems_FullMethodName:    identity.Read,
	echelonv1.AssignmentService_ResolveReviewItems_FullMethodName: identity.Write,

	echelonv1.AssignmentService_WatchAssignments_FullMethodName: identity.Read,
	echelonv1.AssignmentService_GetHistory_FullMethodName:       identity.Read,

	echelonv1.CustomerService_GetSchema_FullMethodName:     identity.Read,
	echelonv1.ModelService_ListCalibrations_FullMethodName: identity.Read,
	echelonv1.ModelService_GetCalibration_FullMethodName:   identity.Read,
	echelonv1.RunService_WatchRun_FullMethodName:           identity.Read,
	echelonv1.RunService_CancelRun_FullMethodName:          identity.Write,
	echelonv1.RunService_CompareRuns_FullMethodName:        identity.Read,

	echelonv1.RunService_PreviewRun_FullMethodName:               identity.Read,
	echelonv1.AssignmentService_ExplainAssignment_FullMethodName: identity.Read,
	echelonv1.RunService_ApproveRun_FullMethodName:               identity.Publish,
	echelonv1.RunService_WithdrawApproval_FullMethodName:         identity.Publish,

	echelonv1.AdminService_Backup_FullMethodName:           identity.Admin,
	echelonv1.CustomerService_EraseCustomer_FullMethodName: identity.Admin,

	// Both change what everybody's customers and models mean.
	echelonv1.CustomerService_RenameAttribute_FullMethodName: identity.Admin,
	echelonv1.CustomerService_RetireAttribute_FullMethodName: identity.Admin,

	echelonv1.AuditService_ListAudit_FullMethodName:  identity.Admin,
	echelonv1.AuditService_WatchAudit_FullMethodName: identity.Admin,
}

// Services that are not in the table, by what their methods begin with.
const (
	// healthPrefix is exempt: what asks for the health has no credentials.
	healthPrefix = "/grpc.health.v1.Health/"
	// reflectionPrefix needs a principal, whatever its roles: the definition of the API is public, but only those who are known are served.
	reflectionPrefix = "/grpc.reflection."
)

// neededRole returns the role that a call of a method needs; 0 is none. A method that nobody thought of needs the highest.
func neededRole(method string) identity.Role {
	if role, ok := roleOf[method]; ok {
		return role
	}
	if strings.HasPrefix(method, reflectionPrefix) {
		return 0
	}
	return identity.Admin
}
