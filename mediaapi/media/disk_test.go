package media_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/mediaapi/media/mediatest"
)

func TestDisk(t *testing.T) {
	t.Parallel()
	mediatest.Run(t, func(t *testing.T) media.Blobs { return media.NewDisk(t.TempDir()) })
}

func TestDiskPassesOverWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{"acme/aa/notes.txt", "Not-An-Account/aa/x", "lost+found/x/y"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := media.NewDisk(dir).List(t.Context(), func(s media.Stored) error {
		t.Errorf("got %v", s)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
