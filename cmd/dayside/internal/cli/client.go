package cli

import (
	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/host"
)

// api is a connection to a Dayside process; each process answers the whole API.
type api struct {
	conn          connection
	sites         schedulev1.ScheduleServiceClient
	calendars     schedulev1.CalendarServiceClient
	rotas         schedulev1.RotaServiceClient
	feeds         schedulev1.FeedServiceClient
	zones         schedulev1.TimeZoneServiceClient
	coverage      schedulev1.CoverageServiceClient
	customers     entitlementv1.EntitlementServiceClient
	catalog       entitlementv1.CatalogServiceClient
	grants        entitlementv1.GrantServiceClient
	lines         routingv1.LineServiceClient
	routing       routingv1.RoutingServiceClient
	configuration routingv1.ConfigurationServiceClient
	drains        routingv1.DrainServiceClient
	inForce       routingv1.InForceServiceClient
}

// connect is a client of the server named by the flags. Nothing is sent yet.
func (a *app) connect() (*api, error) {
	conn, err := a.dial()
	if err != nil {
		return nil, err
	}
	return &api{
		conn: conn, sites: schedulev1.NewScheduleServiceClient(conn),
		calendars: schedulev1.NewCalendarServiceClient(conn), rotas: schedulev1.NewRotaServiceClient(conn),
		feeds: schedulev1.NewFeedServiceClient(conn), coverage: schedulev1.NewCoverageServiceClient(conn),
		zones:   schedulev1.NewTimeZoneServiceClient(conn),
		catalog: entitlementv1.NewCatalogServiceClient(conn), grants: entitlementv1.NewGrantServiceClient(conn),
		customers: entitlementv1.NewEntitlementServiceClient(conn), lines: routingv1.NewLineServiceClient(conn),
		routing: routingv1.NewRoutingServiceClient(conn), configuration: routingv1.NewConfigurationServiceClient(conn),
		drains: routingv1.NewDrainServiceClient(conn), inForce: routingv1.NewInForceServiceClient(conn),
	}, nil
}

// dial shows the token of --token-file, where there is one. It is in plain text where no certificate is named: such servers
// are on loopback.
func (a *app) dial() (connection, error) {
	var conn *grpc.ClientConn
	var err error
	if a.tls != (host.TLSFiles{}) {
		conn, err = a.DialTLS(a.server, a.tls)
		if err != nil {
			return nil, usageError{err}
		}
		return a.withToken(conn)
	}
	if conn, err = a.Dial(a.server); err != nil {
		return nil, usagef("--server %q: %v", a.server, err)
	}
	return a.withToken(conn)
}

func (c *api) close() { _ = c.conn.Close() }
