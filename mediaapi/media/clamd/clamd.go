package clamd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

var (
	errInfected = refusal.Forbidden("This file was not taken: the virus scanner has found something harmful in it (%s).").Because("media_infected")
	errUnknown  = refusal.New(http.StatusServiceUnavailable, "M_UNKNOWN", "This file was not taken, because it cannot be checked for viruses at the moment. Please try again later.").Because("media_unscanned")
)

// Options are what a Scanner is made with. All are required but Allow.
type Options struct {
	// Address is host:port, or the path of a Unix socket.
	Address string
	// Allow takes what could not be judged, and reports it.
	Allow bool
	// Report gets why something could not be judged.
	Report func(what media.Suspect, err error)
	Now    func() time.Time
}

// Scanner is a media.Scanner that asks clamd.
type Scanner struct{ Options }

// New makes a Scanner.
func New(o Options) *Scanner { return &Scanner{o} }

const (
	dialTime = 5 * time.Second
	// stillTime is how long clamd may take for a piece of a file, and for its judgement.
	stillTime = 2 * time.Minute
	pieceSize = 64 << 10
	maxReply  = 4 << 10
	maxName   = 100
)

// Scan implements media.Scanner: M_FORBIDDEN of what is infected, and, unless Allow is
// set, 503 M_UNKNOWN of what could not be judged.
func (s *Scanner) Scan(ctx context.Context, what media.Suspect, content io.Reader) error {
	found, err := s.scan(ctx, content)
	switch {
	case found != "":
		infected := *errInfected
		infected.Args = []any{found}
		return &infected
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // nobody waits for it any more
	}
	s.Report(what, err)
	if s.Allow {
		return nil
	}
	return errUnknown
}

// Ping tells whether clamd answers.
func (s *Scanner) Ping(ctx context.Context) error {
	reply, err := s.ask(ctx, "PING", nil)
	if err == nil && reply != "PONG" {
		err = fmt.Errorf("clamd answers a ping with %q", reply)
	}
	return err
}

// scan gives the name of what clamd has found, or nothing.
func (s *Scanner) scan(ctx context.Context, content io.Reader) (found string, err error) {
	reply, err := s.ask(ctx, "INSTREAM", content)
	if err != nil {
		return "", err
	}
	said, isStream := strings.CutPrefix(reply, "stream: ")
	if name, infected := strings.CutSuffix(said, " FOUND"); isStream && infected {
		return name[:min(len(name), maxName)], nil
	}
	if said == "OK" && isStream {
		return "", nil
	}
	return "", fmt.Errorf("clamd says %q", reply)
}

// ask sends a command, with content as its stream, and gives the answer.
func (s *Scanner) ask(ctx context.Context, command string, content io.Reader) (string, error) {
	network := "tcp"
	if strings.HasPrefix(s.Address, "/") {
		network = "unix"
	}
	c, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, s.Address)
	if err != nil {
		return "", fmt.Errorf("reach clamd: %w", err)
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	sent := s.send(c, command, content)
	if errors.Is(sent, errContent) {
		return "", sent
	}
	// Even if not all could be sent: clamd says why it has stopped listening.
	if err := c.SetReadDeadline(s.Now().Add(stillTime)); err != nil {
		return "", fmt.Errorf("ask clamd: %w", err)
	}
	reply, err := bufio.NewReader(io.LimitReader(c, maxReply)).ReadString(0)
	if err != nil {
		return "", fmt.Errorf("ask clamd: %w", errors.Join(sent, err))
	}
	return strings.TrimRight(reply, "\x00\n"), nil
}

// errContent is said when the file itself could not be read.
var errContent = errors.New("read what is to be scanned")

// send writes a command and, in pieces that begin with their length (4 bytes, big
// endian), a stream, of which an empty piece is the end.
func (s *Scanner) send(c net.Conn, command string, content io.Reader) error {
	write := func(p []byte) error {
		if err := c.SetWriteDeadline(s.Now().Add(stillTime)); err != nil {
			return err
		}
		_, err := c.Write(p)
		return err
	}
	if err := write([]byte("z" + command + "\x00")); err != nil || content == nil {
		return err
	}
	piece := make([]byte, 4+pieceSize)
	for {
		n, err := io.ReadFull(content, piece[4:])
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return errors.Join(errContent, err)
		}
		binary.BigEndian.PutUint32(piece, uint32(n)) //nolint:gosec // at most pieceSize
		if err := write(piece[:4+n]); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if ended {
			return write(make([]byte, 4))
		}
	}
}
