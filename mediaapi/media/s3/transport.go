package s3

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	dialTime = 5 * time.Second
	// stillTime is how long nothing may move. The answer to the last part of a large
	// upload takes a while.
	stillTime = time.Minute
)

// transport makes connections that are given up when nothing moves on them. How long a
// whole request takes has no limit: files are as large as they are.
func transport(now func() time.Time) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTime}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &moving{c, now}, nil
		},
		TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: stillTime,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: stillTime / 2,
		DisableCompression: true, // a blob's bytes are its own
	}
}

// moving is a connection that fails when neither direction moves. What is written
// extends the time of a pending read, too: the answer to an upload comes after it.
type moving struct {
	net.Conn
	now func() time.Time
}

func (m *moving) Read(p []byte) (int, error) {
	if err := m.SetDeadline(m.now().Add(stillTime)); err != nil {
		return 0, err
	}
	return m.Conn.Read(p)
}

func (m *moving) Write(p []byte) (int, error) {
	if err := m.SetDeadline(m.now().Add(stillTime)); err != nil {
		return 0, err
	}
	return m.Conn.Write(p)
}
