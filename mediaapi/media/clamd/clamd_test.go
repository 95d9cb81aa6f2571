package clamd_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/mediaapi/media/clamd"
	"github.com/conversalabs/internalchat/mediaapi/media/clamd/clamdtest"
)

// scanner makes one that counts what it could not judge.
func scanner(address string, allow bool, unjudged *int) *clamd.Scanner {
	return clamd.New(clamd.Options{
		Address: address, Allow: allow, Now: time.Now, Report: func(media.Suspect, error) { *unjudged++ },
	})
}

// mustJudge demands a status of the refusal; 0 is none.
func mustJudge(t testing.TB, s *clamd.Scanner, content io.Reader, want int, reason string) {
	t.Helper()
	err := s.Scan(t.Context(), media.Suspect{}, content)
	refused := refusal.As(err)
	switch {
	case want == 0 && err == nil:
	case want == 0 || refused == nil || refused.Status != want || refused.Reason != reason:
		t.Errorf("got %v, want %d %s", err, want, reason)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "clamd.ctl")
			}
			address, stop := clamdtest.Start(t, network, address)
			var unjudged int
			s, lenient := scanner(address, false, &unjudged), scanner(address, true, &unjudged)
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			late := append(bytes.Repeat([]byte("x"), 200_000), clamdtest.Eicar...)
			mustJudge(t, s, strings.NewReader(""), 0, "")
			mustJudge(t, s, bytes.NewReader(late[:200_000]), 0, "")
			mustJudge(t, s, bytes.NewReader(late[:64<<10]), 0, "") // one full piece
			mustJudge(t, lenient, bytes.NewReader(late), http.StatusForbidden, "media_infected")
			mustJudge(t, s, iotest.HalfReader(bytes.NewReader(late)), http.StatusForbidden, "media_infected")
			if unjudged != 0 {
				t.Errorf("%d files were not judged", unjudged)
			}
			// What clamd does not take is as if it were not there.
			huge := make([]byte, clamdtest.MaxStream+1)
			mustJudge(t, s, bytes.NewReader(huge), http.StatusServiceUnavailable, "media_unscanned")
			mustJudge(t, lenient, bytes.NewReader(huge), 0, "")
			mustJudge(t, s, iotest.ErrReader(errors.New("disk")), http.StatusServiceUnavailable, "media_unscanned")
			stop()
			mustJudge(t, s, strings.NewReader("x"), http.StatusServiceUnavailable, "media_unscanned")
			mustJudge(t, lenient, strings.NewReader("x"), 0, "")
			if unjudged != 5 {
				t.Errorf("got %d reports, want 5", unjudged)
			}
			if err := s.Ping(t.Context()); err == nil {
				t.Error("a clamd that is not there answers")
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := lenient.Scan(ctx, media.Suspect{}, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v of an upload that was given up, want that it is not taken", err)
			}
		})
	}
}
