package rpc

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// errorDomain is the domain of google.rpc.ErrorInfo.
const errorDomain = "dayside"

// code is the gRPC code of a reason.
func code(r rpcv1.Reason) codes.Code {
	switch r {
	case rpcv1.Reason_REASON_INVALID_FIELD:
		return codes.InvalidArgument
	case rpcv1.Reason_REASON_NOT_FOUND:
		return codes.NotFound
	case rpcv1.Reason_REASON_ALREADY_EXISTS:
		return codes.AlreadyExists
	case rpcv1.Reason_REASON_IN_USE, rpcv1.Reason_REASON_MISSING_REFERENCE, rpcv1.Reason_REASON_WRONG_STATE,
		rpcv1.Reason_REASON_COVERAGE_GAP:
		return codes.FailedPrecondition
	case rpcv1.Reason_REASON_CONFLICT:
		return codes.Aborted
	case rpcv1.Reason_REASON_ROLE_REQUIRED:
		return codes.PermissionDenied
	case rpcv1.Reason_REASON_CREDENTIALS_REQUIRED:
		return codes.Unauthenticated
	case rpcv1.Reason_REASON_BACKEND_UNAVAILABLE, rpcv1.Reason_REASON_VIEW_NOT_READY:
		return codes.Unavailable
	case rpcv1.Reason_REASON_LIMIT_EXCEEDED:
		return codes.ResourceExhausted
	case rpcv1.Reason_REASON_NOT_IN_THIS_RELEASE:
		return codes.Unimplemented
	case rpcv1.Reason_REASON_INTERNAL, rpcv1.Reason_REASON_UNSPECIFIED:
		return codes.Internal
	}
	return codes.Internal
}

// Status is the one mapping from errors to gRPC: a fault becomes its code with google.rpc.ErrorInfo, and BadRequest,
// ResourceInfo and RetryInfo where it has them. Any other error is INTERNAL, and says nothing of its cause.
func Status(err error) *status.Status {
	if err == nil {
		return nil
	}
	var f *fault.Fault
	if !errors.As(err, &f) {
		// A status made by a call to another service passes through: it has been mapped there.
		if s, ok := status.FromError(err); ok {
			return s
		}
		switch {
		case errors.Is(err, context.Canceled):
			return status.New(codes.Canceled, "the caller went away")
		case errors.Is(err, context.DeadlineExceeded):
			return status.New(codes.DeadlineExceeded, "the deadline passed")
		}
		f = fault.Internal(err)
	}
	s := status.New(code(f.Reason), f.Error())
	withDetails, detailErr := s.WithDetails(details(f)...)
	if detailErr != nil {
		return s
	}
	return withDetails
}

func details(f *fault.Fault) []protoadapt.MessageV1 {
	d := []protoadapt.MessageV1{&errdetails.ErrorInfo{
		Reason: strings.TrimPrefix(f.Reason.String(), "REASON_"), Domain: errorDomain,
	}}
	if len(f.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range f.Violations {
			text := v.Rule
			if v.Value != "" {
				text = `"` + v.Value + `": ` + v.Rule
			}
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: v.Field, Description: text,
			})
		}
		d = append(d, bad)
	}
	if f.Resource != "" {
		d = append(d, &errdetails.ResourceInfo{ResourceName: f.Resource})
	}
	if f.RetryAfter > 0 {
		d = append(d, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)})
	}
	return d
}

// Fault reads a status back: what a service that called another one makes of its error. Nil where err is nil.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	f := &fault.Fault{Message: s.Message(), Err: err}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			f.Reason = rpcv1.Reason(rpcv1.Reason_value["REASON_"+d.GetReason()])
		case *errdetails.BadRequest:
			// The message repeats them.
			f.Message, _, _ = strings.Cut(f.Message, ":")
			for _, v := range d.GetFieldViolations() {
				f.Violations = append(f.Violations, fault.Violation{Field: v.GetField(), Rule: v.GetDescription()})
			}
		case *errdetails.ResourceInfo:
			f.Resource = d.GetResourceName()
		case *errdetails.RetryInfo:
			f.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	if f.Reason == rpcv1.Reason_REASON_UNSPECIFIED {
		if s.Code() == codes.Unavailable || s.Code() == codes.DeadlineExceeded {
			return fault.Unavailable("another service", err)
		}
		return err
	}
	return f
}
