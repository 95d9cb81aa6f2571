package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr, (&net.Dialer{Timeout: 10 * time.Second}).DialContext)
	stop()
	os.Exit(status)
}

// dialer opens a connection as [net.Dialer.DialContext] does.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// errMeasured says that a scenario ran to its end, but not without errors.
var errMeasured = errors.New("some requests failed or some deliveries are missing")

// run carries out one command line. It gives the status to exit with: 0, 1 for
// a measurement that is missing or has errors, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, dial dialer) int {
	p := &program{stdout: stdout, stderr: stderr, dial: dial}
	root := &cobra.Command{
		Use:           "chatbench",
		Short:         "Load a Matrix homeserver and measure it",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)

	flags := root.PersistentFlags()
	flags.StringVar(&p.url, "url", "http://127.0.0.1:8008", "base URL of the homeserver")
	flags.StringVar(&p.usersFile, "users-file", "", "file with a user and a password on each line, for servers with closed registration (default: register new users)")
	flags.IntVar(&p.pid, "pid", 0, "process ID of the server on this machine, to report its CPU seconds and memory (Linux)")
	flags.DurationVar(&p.duration, "duration", 30*time.Second, "stop sending after this time")
	root.AddCommand(p.command(newSend()), p.command(newFanout()), p.command(newInitsync()))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "chatbench: %v\n", err)
	if p.started {
		return 1
	}
	return 2
}

// options are what all scenarios share.
type options struct {
	url       string
	usersFile string
	pid       int
	duration  time.Duration
}

// program is one run of the command.
type program struct {
	options
	stdout, stderr io.Writer
	dial           dialer
	started        bool // the command line was good: what fails now is the run
}

// scenario is one kind of load. Its fields are its flags.
type scenario interface {
	// flags describes the command and binds its flags.
	flags(c *cobra.Command)
	// check refuses values of flags that make no sense.
	check() error
	// run makes users and rooms, measures, and gives what it found.
	run(ctx context.Context, b *bench) (*result, error)
}

func (p *program) command(s scenario) *cobra.Command {
	c := &cobra.Command{
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c.Context(), s) },
	}
	s.flags(c)
	return c
}

func (p *program) run(ctx context.Context, s scenario) error {
	if err := s.check(); err != nil {
		return err
	}
	b, err := newBench(p.options, p.dial, p.stderr)
	if err != nil {
		return err
	}
	defer b.close()
	p.started = true
	found, err := s.run(ctx, b)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(p.stdout).Encode(found); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if found.Errors > 0 || found.Count == 0 {
		return errMeasured
	}
	return nil
}

// positive refuses a flag that is not above zero.
func positive(flag string, value int) error {
	if value < 1 {
		return fmt.Errorf("--%s must be at least 1, not %d", flag, value)
	}
	return nil
}
