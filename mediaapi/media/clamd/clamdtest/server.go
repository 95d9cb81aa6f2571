package clamdtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
)

// Eicar is the file that scanners take for a virus by convention.
const Eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// MaxStream is how many bytes the server takes (StreamMaxLength).
const MaxStream = 1 << 20

// Start serves on a network (tcp, unix) and an address, until the test ends or stop is
// called. It gives the address it listens on.
func Start(t testing.TB, network, address string) (listens string, stop func()) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = c.Close() }()
				_, _ = io.WriteString(c, answer(bufio.NewReader(c))+"\x00")
			})
		}
	})
	stop = sync.OnceFunc(func() {
		_ = listener.Close()
		all.Wait()
	})
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

func answer(r *bufio.Reader) string {
	command, err := r.ReadString(0)
	if err != nil {
		return "COMMAND READ TIMED OUT"
	}
	switch command {
	case "zPING\x00":
		return "PONG"
	case "zINSTREAM\x00":
		return scan(r)
	}
	return "UNKNOWN COMMAND"
}

func scan(r io.Reader) string {
	var stream bytes.Buffer
	for {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			return "INSTREAM: Error reading stream ERROR"
		}
		switch {
		case size == 0 && bytes.Contains(stream.Bytes(), []byte(Eicar)):
			return "stream: Eicar-Test-Signature FOUND"
		case size == 0:
			return "stream: OK"
		case stream.Len()+int(size) > MaxStream:
			return "INSTREAM size limit exceeded. ERROR"
		}
		if _, err := io.CopyN(&stream, r, int64(size)); err != nil {
			return "INSTREAM: Error reading stream ERROR"
		}
	}
}
