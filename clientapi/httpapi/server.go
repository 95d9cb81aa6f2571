package httpapi

import (
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Server makes an http.Server with the timeouts and header size that all
// requests are held to. It has no WriteTimeout, which would cut long polls.
func Server(h http.Handler, logger *logrus.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(&serverLog{logger}, "", 0),
	}
}

// serverLog takes the lines of net/http, which tell of what clients do wrong on
// the connection, at a level where they disturb nobody.
type serverLog struct{ logger *logrus.Logger }

func (l *serverLog) Write(line []byte) (int, error) {
	l.logger.Debug("http: ", strings.TrimSpace(string(line)))
	return len(line), nil
}
