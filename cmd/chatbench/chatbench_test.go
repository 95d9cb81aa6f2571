package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	chatbench "github.com/conversalabs/internalchat/cmd/chatbench"
)

// line is the tool's answer.
type line struct {
	Scenario    string   `json:"scenario"`
	Count       int      `json:"count"`
	Errors      int      `json:"errors"`
	Seconds     float64  `json:"seconds"`
	PerSecond   float64  `json:"per_second"`
	P50         float64  `json:"p50_ms"`
	P95         float64  `json:"p95_ms"`
	P99         float64  `json:"p99_ms"`
	Max         float64  `json:"max_ms"`
	AnswerBytes int      `json:"answer_bytes"`
	ServerCPU   *float64 `json:"server_cpu_seconds"`
	ServerRSS   *int64   `json:"server_rss_bytes"`
	ToolCPU     *float64 `json:"tool_cpu_seconds"`
}

// bench runs the tool against h with exact clocks, and gives what it says with
// the tool's own CPU time left out.
func bench(t *testing.T, h *homeserver, args ...string) (found line, status int, complaints string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dial := mustServe(t, h)
		var stdout, stderr bytes.Buffer
		status = chatbench.Run(t.Context(), args, &stdout, &stderr, dial)
		found, complaints = mustLine(t, stdout.String(), stderr.String()), stderr.String()
		found.ToolCPU = nil
	})
	return found, status, complaints
}

func mustLine(t testing.TB, stdout, stderr string) line {
	t.Helper()
	if strings.Count(stdout, "\n") != 1 {
		t.Fatalf("got stdout %q, want one line (stderr: %s)", stdout, stderr)
	}
	var l line
	dec := json.NewDecoder(strings.NewReader(stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		t.Fatalf("result %q: %v", stdout, err)
	}
	return l
}

func TestSendOfOneSender(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.sendTakes = func(n int) time.Duration { return time.Duration(n*37%100+1) * time.Millisecond } // 1 to 100 ms, mixed
	got, status, _ := bench(t, h, "send", "--senders", "1", "--count", "100")
	want := line{Scenario: "send", Count: 100, Seconds: 5.05, PerSecond: 19.802, P50: 50, P95: 95, P99: 99, Max: 100}
	if diff := cmp.Diff(got, want); diff != "" || status != 0 {
		t.Errorf("status %d, (-got +want):\n%s", status, diff)
	}
}

func TestSendOfManySenders(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.sendTakes = func(int) time.Duration { return 10 * time.Millisecond }
	got, status, _ := bench(t, h, "send", "--senders", "64", "--rooms", "16", "--count", "640")
	want := line{Scenario: "send", Count: 640, Seconds: 0.1, PerSecond: 6400, P50: 10, P95: 10, P99: 10, Max: 10}
	if diff := cmp.Diff(got, want); diff != "" || status != 0 {
		t.Errorf("status %d, (-got +want):\n%s", status, diff)
	}
	if len(h.joined) != 16 || len(h.names) != 64 {
		t.Errorf("got %d rooms and %d users, want 16 and 64", len(h.joined), len(h.names))
	}
	for room, members := range h.joined {
		if len(members) != 4 {
			t.Errorf("got %d members in %s, want 4", len(members), room)
		}
	}
}

func TestSendEndsAfterItsDuration(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.sendTakes = func(int) time.Duration { return 100 * time.Millisecond }
	got, _, _ := bench(t, h, "send", "--senders", "2", "--count", "1000000", "--duration", "2s")
	if got.Count != 40 || got.Seconds != 2 {
		t.Errorf("got %d sends in %v s, want 40 in 2", got.Count, got.Seconds)
	}
}

func TestErrorsAreCountedAndKeptOutOfLatencies(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.refuseSend = func(n int) bool { return n%10 == 0 }
	h.sendTakes = func(n int) time.Duration {
		if n%10 == 0 {
			return time.Second
		}
		return time.Millisecond
	}
	got, status, complaints := bench(t, h, "send", "--senders", "1", "--count", "100")
	want := line{Scenario: "send", Count: 90, Errors: 10, Seconds: 10.09, PerSecond: 8.92, P50: 1, P95: 1, P99: 1, Max: 1}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if status != 1 || strings.Count(complaints, "M_FORBIDDEN") != 1 {
		t.Errorf("got status %d and complaints %q, want 1 and the first error alone", status, complaints)
	}
}

func TestFanout(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.sendTakes = func(int) time.Duration { return 7 * time.Millisecond }
	h.deliverTakes = func(user int) time.Duration { return time.Duration(user) * 200 * time.Microsecond } // user 0 sends
	got, status, complaints := bench(t, h, "fanout", "--members", "100", "--count", "50", "--rate", "20")
	// The last message leaves after 2.45 s and is with the last member 20 ms later.
	want := line{Scenario: "fanout", Count: 5000, Seconds: 2.47, PerSecond: 2024.291, P50: 10, P95: 19, P99: 19.8, Max: 20}
	if diff := cmp.Diff(got, want); diff != "" || status != 0 {
		t.Errorf("status %d, %s(-got +want):\n%s", status, complaints, diff)
	}
}

func TestFanoutCountsWhatNeverComes(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.loseMessage = func(user, n int) bool { return user == 3 && n == 4 }
	got, status, _ := bench(t, h, "fanout", "--members", "5", "--count", "10", "--drain", "3s")
	if got.Count != 49 || got.Errors != 1 || status != 1 {
		t.Errorf("got count %d, errors %d, status %d, want 49, 1, 1", got.Count, got.Errors, status)
	}
}

func TestFanoutCountsWhatComesTwice(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.repeat = true
	got, status, _ := bench(t, h, "fanout", "--members", "5", "--count", "10")
	if got.Count != 50 || got.Errors < 45 || status != 1 { // the run may end between the last two
		t.Errorf("got count %d, errors %d, status %d, want 50, 45 to 50, 1", got.Count, got.Errors, status)
	}
}

func TestPreparationIsPatient(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.busy = 3
	got, status, complaints := bench(t, h, "send", "--senders", "1", "--count", "5")
	if got.Count != 5 || got.Errors != 0 || status != 0 {
		t.Errorf("got count %d, errors %d, status %d: %s", got.Count, got.Errors, status, complaints)
	}
}

func TestInitsync(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.syncTakes = 250 * time.Millisecond
	got, status, complaints := bench(t, h, "initsync", "--rooms", "30", "--members", "4", "--count", "8", "--messages", "2")
	bytes := got.AnswerBytes
	got.AnswerBytes = 0
	want := line{Scenario: "initsync", Count: 8, Seconds: 2, PerSecond: 4, P50: 250, P95: 250, P99: 250, Max: 250}
	if diff := cmp.Diff(got, want); diff != "" || status != 0 {
		t.Errorf("status %d, %s(-got +want):\n%s", status, complaints, diff)
	}
	if bytes < 500 || len(h.events) != 60 {
		t.Errorf("got answers of %d bytes and %d messages, want more than 500 and 60", bytes, len(h.events))
	}
}

func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"send", "--senders", "4", "--count", "40"},
		{"fanout", "--members", "4", "--count", "10", "--rate", "1000"},
		{"initsync", "--rooms", "10", "--members", "4", "--count", "40"},
	} {
		h := newHomeserver()
		h.sessions = true
		server := httptest.NewServer(h)
		defer server.Close()
		var stdout, stderr bytes.Buffer
		args = append(args, "--url", server.URL+"/", "--pid", strconv.Itoa(os.Getpid()))
		status := chatbench.Run(t.Context(), args, &stdout, &stderr, new(net.Dialer).DialContext)
		got := mustLine(t, stdout.String(), stderr.String())
		if status != 0 || got.Errors != 0 || got.Count != 40 || got.P50 <= 0 {
			t.Errorf("%v: got status %d and %s%s", args, status, &stdout, &stderr)
		}
		if _, err := os.Stat("/proc/self/stat"); err == nil && (got.ServerCPU == nil || got.ServerRSS == nil || *got.ServerRSS < 1<<20) {
			t.Errorf("%v: got no CPU seconds or memory: %s", args, &stdout)
		}
	}
}

func TestUsersFile(t *testing.T) {
	t.Parallel()
	h := newHomeserver()
	h.closed = true
	file := filepath.Join(t.TempDir(), "users")
	text := "# name and password\n"
	for i := range 5 {
		text += fmt.Sprintf("agent%d  secret of agent%d\n\n", i, i)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, status, complaints := bench(t, h, "send", "--senders", "5", "--count", "10", "--users-file", file)
	if got.Count != 10 || status != 0 {
		t.Errorf("got count %d, status %d: %s", got.Count, status, complaints)
	}
	var stdout, stderr bytes.Buffer
	status = chatbench.Run(t.Context(), []string{"send", "--senders", "6", "--users-file", file}, &stdout, &stderr, nowhere)
	if status != 1 || !strings.Contains(stderr.String(), "6 users are needed") {
		t.Errorf("got status %d and %q, want a refusal", status, &stderr)
	}
}

func nowhere(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"nonsense"},
		{"send", "--senders", "0"},
		{"send", "--url", "localhost:8008"},
		{"send", "--duration", "0s"},
		{"fanout", "--rate", "0"},
		{"initsync", "--messages", "-1"},
	} {
		var stdout, stderr bytes.Buffer
		if got := chatbench.Run(t.Context(), args, &stdout, &stderr, nowhere); got != 2 || stderr.Len() == 0 || stdout.Len() > 0 {
			t.Errorf("%v: got status %d, stdout %q, stderr %q, want 2 and a reason", args, got, &stdout, &stderr)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	upTo := func(n int) (values []time.Duration) {
		for i := range n {
			values = append(values, time.Duration(i+1))
		}
		return values
	}
	for _, c := range []struct {
		values  []time.Duration
		percent int
		want    time.Duration
	}{
		{nil, 50, 0},
		{upTo(1), 50, 1},
		{upTo(1), 99, 1},
		{upTo(2), 50, 1},
		{upTo(3), 50, 2},
		{upTo(10), 95, 10},
		{upTo(100), 95, 95},
		{upTo(100), 99, 99},
		{upTo(101), 99, 100},
		{upTo(1000), 99, 990},
		{upTo(7), 100, 7},
	} {
		if got := chatbench.Percentile(c.values, c.percent); got != c.want {
			t.Errorf("percentile %d of 1 to %d: got %d, want %d", c.percent, len(c.values), got, c.want)
		}
	}
}
