package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Forward registers a service that another process serves: requests pass this process's chain (who may call, is it valid)
// and then go there. So every process answers the whole API, and a client needs one address. Unary methods and streams of
// answers only: a stream of requests belongs to the process that serves it, and is UNIMPLEMENTED here.
func Forward(to grpc.ServiceRegistrar, desc *grpc.ServiceDesc, cc grpc.ClientConnInterface) error {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(desc.ServiceName))
	if err != nil {
		return fmt.Errorf("forward %s: %w", desc.ServiceName, err)
	}
	sd, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return fmt.Errorf("forward %s: not a service", desc.ServiceName)
	}
	passing := &grpc.ServiceDesc{ServiceName: desc.ServiceName, HandlerType: (*any)(nil), Metadata: desc.Metadata}
	for _, m := range desc.Methods {
		in, out, err := types(sd, m.MethodName)
		if err != nil {
			return err
		}
		passing.Methods = append(passing.Methods, grpc.MethodDesc{
			MethodName: m.MethodName,
			Handler:    forwardMethod("/"+desc.ServiceName+"/"+m.MethodName, in, out, cc),
		})
	}
	for _, m := range desc.Streams {
		if m.ClientStreams {
			continue
		}
		in, out, err := types(sd, m.StreamName)
		if err != nil {
			return err
		}
		passing.Streams = append(passing.Streams, grpc.StreamDesc{
			StreamName: m.StreamName, ServerStreams: true,
			Handler: forwardStream("/"+desc.ServiceName+"/"+m.StreamName, in, out, cc),
		})
	}
	to.RegisterService(passing, forwarded{})
	return nil
}

// types are a method's messages.
func types(sd protoreflect.ServiceDescriptor, method string) (in, out protoreflect.MessageType, err error) {
	md := sd.Methods().ByName(protoreflect.Name(method))
	in, err = protoregistry.GlobalTypes.FindMessageByName(md.Input().FullName())
	if err != nil {
		return nil, nil, fmt.Errorf("forward %s: %w", md.FullName(), err)
	}
	out, err = protoregistry.GlobalTypes.FindMessageByName(md.Output().FullName())
	if err != nil {
		return nil, nil, fmt.Errorf("forward %s: %w", md.FullName(), err)
	}
	return in, out, nil
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

// forwardStream sends one request on, and hands over every answer. It keeps none: where the client is slow, so is the
// stream behind it.
func forwardStream(method string, in, out protoreflect.MessageType, cc grpc.ClientConnInterface) grpc.StreamHandler {
	return func(_ any, client grpc.ServerStream) error {
		req := in.New().Interface()
		if err := client.RecvMsg(req); err != nil {
			return err
		}
		// The stream behind ends when the client's does.
		ctx, cancel := context.WithCancel(client.Context())
		defer cancel()
		server, err := begin(ctx, cancel, cc, method)
		if err != nil {
			return unreached(method, err)
		}
		// Of what fails here, RecvMsg says why.
		if err := server.SendMsg(req); err != nil && !errors.Is(err, io.EOF) {
			return unreached(method, err)
		}
		if err := server.CloseSend(); err != nil {
			return unreached(method, err)
		}
		// A service that says that it listens, before there is anything to answer, says so to the client.
		if _, err := server.Header(); err == nil {
			if err := client.SendHeader(nil); err != nil {
				return err
			}
		}
		for {
			resp := out.New().Interface()
			if err := server.RecvMsg(resp); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return unreached(method, err)
			}
			if err := client.SendMsg(resp); err != nil {
				return err
			}
		}
	}
}

// begin opens a stream of answers. The stream may last, but finding its server may not.
func begin(ctx context.Context, cancel func(), cc grpc.ClientConnInterface, method string) (grpc.ClientStream, error) {
	soon, done := context.WithTimeout(ctx, callTimeout)
	defer done()
	inTime := context.AfterFunc(soon, cancel)
	server, err := cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if !inTime() && errors.Is(soon.Err(), context.DeadlineExceeded) {
		return nil, status.Error(codes.DeadlineExceeded, "no process was found in time")
	}
	return server, err
}
