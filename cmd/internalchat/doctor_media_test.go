package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/mediaapi/media/clamd/clamdtest"
	"github.com/conversalabs/internalchat/mediaapi/media/s3/s3test"
)

func TestDoctorFindsBucketsAndScanners(t *testing.T) {
	t.Parallel()
	bucket := s3test.Start(t)
	scanner, _ := clamdtest.Start(t, "tcp", "127.0.0.1:0")
	options := map[string]string{"data": filepath.Join(t.TempDir(), "data"), "listen": "127.0.0.1:0"}
	mustSetUp(t, options).close()
	lines := strings.Join([]string{
		"media:", "  store: s3", "  s3_endpoint: " + bucket.Config.Endpoint, "  s3_bucket: files",
		"  s3_access_key: " + bucket.Config.AccessKey, "  s3_secret: " + bucket.Config.Secret.Reveal(), "  scanner: " + scanner,
	}, "\n")
	with := func(more string, change ...string) map[string]string {
		file := filepath.Join(t.TempDir(), "chat.yaml")
		if err := os.WriteFile(file, []byte(strings.NewReplacer(change...).Replace(lines)+more), 0o600); err != nil {
			t.Fatal(err)
		}
		return with(options, "config", file)
	}
	mustFind(t, with(""), nil)
	said, _ := examined(t, with(""), nil)
	if !strings.Contains(said, "bucket: files at "+bucket.Config.Endpoint) || !strings.Contains(said, "scanner: "+scanner) {
		t.Errorf("got %s, want the bucket and the scanner", said)
	}
	mustFind(t, with("", "s3_bucket: files", "s3_bucket: others"), nil, "problem  bucket: others at ")
	mustFind(t, with("", bucket.Config.Secret.Reveal(), "tellnobody"), nil, "problem  bucket: files at ")
	mustFind(t, with("", scanner, "127.0.0.1:1"), nil, "problem  scanner: reach clamd")
	mustFind(t, with("\n  scanner_unavailable: allow", scanner, "127.0.0.1:1"), nil, "warning  scanner: reach clamd")
}
