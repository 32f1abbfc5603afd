// Command run measures a SIP gateway that is already running; see package bench.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/daysidehq/dayside/services/gateway/sip/bench"
)

func main() {
	var t bench.Target
	var o bench.Options
	flag.StringVar(&t.Addr, "sip", "127.0.0.1:5060", "UDP address of the gateway")
	flag.IntVar(&t.PID, "pid", 0, "its process")
	flag.StringVar(&t.Number, "number", "+61255501234", "a number that it redirects")
	flag.StringVar(&t.Caller, "caller", "", "who rings; a number that is nobody's where empty")
	flag.IntVar(&o.Rate, "rate", 0, "calls a second of the long run")
	flag.IntVar(&o.Seconds, "seconds", 0, "its length")
	flag.IntVar(&o.FixedRate, "fixed-rate", 0, "calls a second at which CPU time is compared")
	flag.IntVar(&o.FixedSeconds, "fixed-seconds", 0, "length of such a run")
	flag.IntVar(&o.Rounds, "rounds", 0, "how many alternate with Kamailio's")
	gatewayOnly := flag.Bool("gateway-only", false, "the process holds the gateway alone: judge its memory")
	flag.Parse()
	o.Log = os.Stderr
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := bench.Run(ctx, t, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(r)
	if problems := r.Problems(*gatewayOnly); len(problems) > 0 {
		for _, p := range problems {
			fmt.Println("not kept:", p)
		}
		os.Exit(1)
	}
}
