// Checks that the operations on one session are linearizable: clients send random requests to a daemon, and Porcupine
// looks for an order of them that a single register with versions could have produced.
//
//	linearizability -url http://127.0.0.1:8642[,http://…] -clients 16 -operations 2000 -sessions 8 -seed 1
//
// Exit status: 0 linearizable, 1 not, 2 the run itself failed (an answer that is none of the contract's, no answer).
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

func main() {
	urls := flag.String("url", "http://127.0.0.1:8642", "base URLs of the daemons, separated by commas; clients are dealt over them")
	clients := flag.Int("clients", 16, "parallel clients")
	operations := flag.Int("operations", 2000, "operations of each client")
	sessions := flag.Int("sessions", 8, "sessions that are in use at a time; an ended one is replaced by a new one")
	seed := flag.Int64("seed", time.Now().UnixNano(), "of the random choices")
	limit := flag.Duration("limit", 60*time.Second, "for the search")
	flag.Parse()

	fmt.Printf("seed %d\n", *seed)
	started := time.Now()
	history, err := run(strings.Split(*urls, ","), *clients, *operations, *sessions, *seed)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	took := time.Since(started)
	answers := map[string]int{}
	for _, op := range history {
		answers[op.Input.(input).kind.String()+" "+fmt.Sprint(op.Output.(output).status)]++
	}
	fmt.Printf("%d operations in %.1f s: %v\n", len(history), took.Seconds(), answers)

	result, info := porcupine.CheckOperationsVerbose(model, history, *limit)
	fmt.Printf("%s\n", result)
	if result == porcupine.Illegal {
		printIllegal(history, *limit)
		if path := os.Getenv("LINEARIZABILITY_PICTURE"); path != "" {
			_ = porcupine.VisualizePath(model, info, path)
		}
		os.Exit(1)
	}
	if result != porcupine.Ok {
		os.Exit(2)
	}
}

// The operations of one session that no order explains, as they began.
func printIllegal(history []porcupine.Operation, limit time.Duration) {
	for _, part := range model.Partition(history) {
		if porcupine.CheckOperationsTimeout(model, part, limit) != porcupine.Illegal {
			continue
		}
		sort.Slice(part, func(i, j int) bool { return part[i].Call < part[j].Call })
		for _, op := range part {
			fmt.Printf("%9.3f to %9.3f ms, client %2d: %s\n", float64(op.Call)/1e6, float64(op.Return)/1e6, op.ClientId,
				model.DescribeOperation(op.Input, op.Output))
		}
		return
	}
}
