package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// server is where requests go.
type server struct {
	dial    dialer
	secure  bool
	address string // host:port
	host    string // for the Host header
	prefix  string // path before /_matrix, without a slash at its end
}

func parseServer(raw string, dial dialer) (*server, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, fmt.Errorf("--url must look like http://127.0.0.1:8008, not %q", raw)
	}
	s := &server{dial: dial, secure: u.Scheme == "https", host: u.Host, prefix: strings.TrimRight(u.EscapedPath(), "/")}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	s.address = net.JoinHostPort(u.Hostname(), port)
	return s, nil
}

// wire is one simulated client's connection, opened when first needed and
// again after a failure. It is not safe for concurrent use, like the one
// request at a time that it carries.
type wire struct {
	server *server
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	answer bytes.Buffer
}

// requestLimit is how long a request may take on top of what it asks for.
const requestLimit = 60 * time.Second

// request is one request. Path begins with /_matrix and is escaped.
type request struct {
	method string
	path   string
	token  string
	body   []byte
	wait   time.Duration // a long poll's timeout
}

// do sends a request and reads its answer whole. The answer stays valid until
// the next call. Where sending twice does no harm, a connection that the
// server has closed since its last use is replaced once.
func (w *wire) do(ctx context.Context, r *request) (status int, answer []byte, err error) {
	reused := w.conn != nil
	status, err = w.once(ctx, r)
	if err != nil && reused && r.method != http.MethodPost && ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		status, err = w.once(ctx, r)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return status, w.answer.Bytes(), nil
}

func (w *wire) once(ctx context.Context, r *request) (status int, err error) {
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := w.open(ctx); err != nil {
		return 0, err
	}
	conn := w.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(r.wait + requestLimit)); err != nil {
		return 0, err
	}
	w.compose(r)
	if _, err := conn.Write(w.out); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(w.in, &http.Request{Method: r.method})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	w.answer.Reset()
	if _, err := w.answer.ReadFrom(resp.Body); err != nil {
		return 0, err
	}
	if resp.Close {
		w.close()
	}
	return resp.StatusCode, nil
}

func (w *wire) open(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.server.dial(ctx, "tcp", w.server.address)
	if err != nil {
		return err
	}
	if w.server.secure {
		name, _, _ := net.SplitHostPort(w.server.address)
		conn = tls.Client(conn, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12})
	}
	w.conn = conn
	if w.in == nil {
		w.in = bufio.NewReaderSize(conn, 16<<10)
	}
	w.in.Reset(conn)
	return nil
}

// compose writes the whole request into w.out, so that it leaves in one packet.
func (w *wire) compose(r *request) {
	b := append(w.out[:0], r.method...)
	b = append(b, ' ')
	b = append(b, w.server.prefix...)
	b = append(b, r.path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, w.server.host...)
	if r.token != "" {
		b = append(b, "\r\nAuthorization: Bearer "...)
		b = append(b, r.token...)
	}
	if r.body != nil {
		b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.body)), 10)
	}
	b = append(b, "\r\n\r\n"...)
	w.out = append(b, r.body...)
}

func (w *wire) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}
