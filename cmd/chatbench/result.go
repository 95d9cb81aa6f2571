package main

import (
	"math"
	"slices"
	"time"
)

// result is the line that a scenario prints. Latencies are those of what
// succeeded, in milliseconds.
type result struct {
	Scenario  string  `json:"scenario"`
	Count     int     `json:"count"`  // what succeeded: sends, deliveries, syncs
	Errors    int     `json:"errors"` // what failed or never came
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	// AnswerBytes is the mean size of an initial sync's answer.
	AnswerBytes int `json:"answer_bytes,omitempty"`
	// What the server used while it was measured, or null if unknown.
	ServerCPU *float64 `json:"server_cpu_seconds"`
	ServerRSS *int64   `json:"server_rss_bytes"`
	// What this tool used at the same time: it had the same processors.
	ToolCPU *float64 `json:"tool_cpu_seconds"`
}

// tally is what one simulated client counted. Each has its own, so that
// counting costs no lock.
type tally struct {
	took   []time.Duration
	errors int
}

// stopwatch measures time, and what server and tool use meanwhile.
type stopwatch struct {
	pid          int
	begun        time.Time
	elapsed      time.Duration
	server, tool usage // at first since always, then since begun
}

func startWatch(pid int) *stopwatch {
	return &stopwatch{pid: pid, server: usageOf(pid), tool: usageOfSelf(), begun: time.Now()}
}

func (w *stopwatch) stop() {
	w.elapsed = time.Since(w.begun)
	w.server = usageOf(w.pid).since(w.server)
	w.tool = usageOfSelf().since(w.tool)
}

// result puts together what all clients counted until the watch was stopped.
func (w *stopwatch) result(scenario string, tallies []tally) *result {
	r := &result{
		Scenario:  scenario,
		Seconds:   round(w.elapsed.Seconds()),
		ServerCPU: w.server.cpu,
		ServerRSS: w.server.rss,
		ToolCPU:   w.tool.cpu,
	}
	var took []time.Duration
	for _, t := range tallies {
		took = append(took, t.took...)
		r.Errors += t.errors
	}
	slices.Sort(took)
	r.Count = len(took)
	r.PerSecond = round(float64(r.Count) / w.elapsed.Seconds())
	r.P50, r.P95, r.P99, r.Max = ms(percentile(took, 50)), ms(percentile(took, 95)), ms(percentile(took, 99)), ms(percentile(took, 100))
	return r
}

// percentile gives the smallest of the sorted values that at least p percent
// of them do not exceed (nearest rank), or 0 if there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

func ms(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round keeps three decimals: more is noise, and no infinity fits into JSON.
func round(f float64) float64 {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return 0
	}
	return math.Round(f*1000) / 1000
}
