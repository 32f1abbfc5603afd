package rpc

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Forward registers a service that another process serves: requests pass this process's chain (who may call, is it valid)
// and then go there. So every process answers the whole API, and a client needs one address. Unary methods only: a
// stream belongs to the process that serves it.
func Forward(to grpc.ServiceRegistrar, desc *grpc.ServiceDesc, cc grpc.ClientConnInterface) error {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(desc.ServiceName))
	if err != nil {
		return fmt.Errorf("forward %s: %w", desc.ServiceName, err)
	}
	sd, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return fmt.Errorf("forward %s: not a service", desc.ServiceName)
	}
	forwarded := &grpc.ServiceDesc{ServiceName: desc.ServiceName, HandlerType: (*any)(nil), Metadata: desc.Metadata}
	for _, m := range desc.Methods {
		md := sd.Methods().ByName(protoreflect.Name(m.MethodName))
		in, err := protoregistry.GlobalTypes.FindMessageByName(md.Input().FullName())
		if err != nil {
			return fmt.Errorf("forward %s: %w", md.FullName(), err)
		}
		out, err := protoregistry.GlobalTypes.FindMessageByName(md.Output().FullName())
		if err != nil {
			return fmt.Errorf("forward %s: %w", md.FullName(), err)
		}
		forwarded.Methods = append(forwarded.Methods, grpc.MethodDesc{
			MethodName: m.MethodName,
			Handler:    forwardMethod("/"+desc.ServiceName+"/"+m.MethodName, in, out, cc),
		})
	}
	to.RegisterService(forwarded, struct{}{})
	return nil
}

func forwardMethod(method string, in, out protoreflect.MessageType, cc grpc.ClientConnInterface) grpc.MethodHandler {
	return func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		req := in.New().Interface()
		if err := dec(req); err != nil {
			return nil, err
		}
		handler := func(ctx context.Context, req any) (any, error) {
			resp := out.New().Interface()
			if err := cc.Invoke(ctx, method, req, resp); err != nil {
				return nil, unreached(method, err)
			}
			return resp, nil
		}
		if interceptor == nil {
			return handler(ctx, req)
		}
		return interceptor(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: method}, handler)
	}
}

// unreached says which service did not answer. What a service did answer is passed on as it is.
func unreached(method string, err error) error {
	s := status.Convert(err)
	if len(s.Details()) > 0 || s.Code() != codes.Unavailable && s.Code() != codes.DeadlineExceeded {
		return err
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(method, "/dayside."), ".")
	return fault.Unavailable("the "+name+" service, which another process holds,", err)
}
