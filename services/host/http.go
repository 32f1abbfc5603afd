package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/api/openapi"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// httpHeaderTimeout bounds how slowly a client may send its headers.
	httpHeaderTimeout = 5 * time.Second
	// httpTimeout bounds a whole request and its answer.
	httpTimeout = 30 * time.Second
	// maxHeaderBytes bounds a request's headers.
	maxHeaderBytes = 64 << 10
)

// handler serves one gRPC service as REST.
type handler func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error

// handle makes a handler of what is generated for a service.
func handle[C any](register func(context.Context, *runtime.ServeMux, C) error, client func(grpc.ClientConnInterface) C,
) handler {
	return func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return register(ctx, mux, client(conn))
	}
}

// handlers are those of all services that have REST.
func handlers() []handler {
	return []handler{
		// Before whoever has a path below a line: of two that match, the one registered later wins.
		handle(routingv1.RegisterLineServiceHandlerClient, routingv1.NewLineServiceClient),
		handle(schedulev1.RegisterScheduleServiceHandlerClient, schedulev1.NewScheduleServiceClient),
		handle(schedulev1.RegisterCalendarServiceHandlerClient, schedulev1.NewCalendarServiceClient),
		handle(schedulev1.RegisterRotaServiceHandlerClient, schedulev1.NewRotaServiceClient),
		handle(schedulev1.RegisterCoverageServiceHandlerClient, schedulev1.NewCoverageServiceClient),
		handle(schedulev1.RegisterTimeZoneServiceHandlerClient, schedulev1.NewTimeZoneServiceClient),
		handle(schedulev1.RegisterFeedServiceHandlerClient, schedulev1.NewFeedServiceClient),
		handle(entitlementv1.RegisterEntitlementServiceHandlerClient, entitlementv1.NewEntitlementServiceClient),
		handle(entitlementv1.RegisterCatalogServiceHandlerClient, entitlementv1.NewCatalogServiceClient),
		handle(entitlementv1.RegisterPromiseServiceHandlerClient, entitlementv1.NewPromiseServiceClient),
		handle(entitlementv1.RegisterGrantServiceHandlerClient, entitlementv1.NewGrantServiceClient),
		handle(entitlementv1.RegisterContactServiceHandlerClient, entitlementv1.NewContactServiceClient),
		handle(entitlementv1.RegisterDataServiceHandlerClient, entitlementv1.NewDataServiceClient),
		handle(routingv1.RegisterRoutingServiceHandlerClient, routingv1.NewRoutingServiceClient),
		handle(routingv1.RegisterConfigurationServiceHandlerClient, routingv1.NewConfigurationServiceClient),
		handle(routingv1.RegisterDrainServiceHandlerClient, routingv1.NewDrainServiceClient),
		handle(routingv1.RegisterInForceServiceHandlerClient, routingv1.NewInForceServiceClient),
		handle(routingv1.RegisterLiveServiceHandlerClient, routingv1.NewLiveServiceClient),
		handle(routingv1.RegisterAlertServiceHandlerClient, routingv1.NewAlertServiceClient),
		handle(routingv1.RegisterBriefServiceHandlerClient, routingv1.NewBriefServiceClient),
		handle(routingv1.RegisterReplayServiceHandlerClient, routingv1.NewReplayServiceClient),
		handle(rpcv1.RegisterClusterServiceHandlerClient, rpcv1.NewClusterServiceClient),
		handle(ledgerv1.RegisterLedgerServiceHandlerClient, ledgerv1.NewLedgerServiceClient),
		handle(ledgerv1.RegisterAuditServiceHandlerClient, ledgerv1.NewAuditServiceClient),
		handle(ledgerv1.RegisterBusinessServiceHandlerClient, ledgerv1.NewBusinessServiceClient),
	}
}

// newHTTP serves REST, OpenAPI, metrics and health. The connection is in-process: a REST request passes the same chain as
// a gRPC one. With TLS everything but health and OpenAPI needs a certificate or a token, and metrics one with a role that
// reads.
func newHTTP(ctx context.Context, conn grpc.ClientConnInterface, metrics http.Handler, ready func() []string,
	door rpc.Door,
) (*http.Server, error) {
	// What is no JSON (a calendar) is written as it is.
	asJSON := runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
		Marshaler: &runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: false},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
		},
	})
	rest := runtime.NewServeMux(runtime.SetQueryParameterParser(knownParameters{}), asJSON)
	for _, register := range handlers() {
		if err := register(ctx, rest, conn); err != nil {
			return nil, fmt.Errorf("REST gateway: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", door.Identified(lasting(limitBody(rest))))
	mux.Handle("GET /feeds/", door.Identified(feedHeaders(rest)))
	mux.Handle("GET /metrics", door.RequireRole(metrics, metricsReaders()...))
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(openapi.JSON)
	})
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { writeReady(w, ready()) })
	handler := http.NewCrossOriginProtection().Handler(mux)
	if door.TLS == nil { // with a certificate of its own, a server's name cannot be borrowed
		handler = loopbackHost(handler)
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: httpHeaderTimeout, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeaderBytes,
	}, nil
}

// lasting lets a stream of answers last: it ends when its reader goes, or the process stops. A line of JSON each.
func lasting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ":watchCoverage") {
			c := http.NewResponseController(w)
			if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
				http.Error(w, "this connection cannot carry a stream", http.StatusNotImplemented)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody refuses what is larger than a gRPC request may be, and says so.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > rpc.MaxRequestBytes {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_ = json.NewEncoder(w).Encode(map[string]any{"code": 8, "message": fmt.Sprintf(
				"the request has %d bytes; at most %d are taken", r.ContentLength, rpc.MaxRequestBytes)})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, rpc.MaxRequestBytes)
		next.ServeHTTP(w, r)
	})
}

// loopbackHost refuses a request that names another host: a web page that resolves its own name to this machine (DNS
// rebinding) would otherwise speak for its reader.
func loopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if ip := net.ParseIP(host); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this listener answers to loopback names only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// writeReady answers 200, or 503 with what is not ready.
func writeReady(w http.ResponseWriter, waiting []string) {
	w.Header().Set("Content-Type", "application/json")
	if len(waiting) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(waiting) == 0, "waiting_for": waiting})
}
