package media_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/conversalabs/internalchat/mediaapi/media"
)

// TestFullDisk writes to a disk of one megabyte, where the machine lets the test have one.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("no small disk can be made here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	disk := media.NewDisk(dir)
	for range 3 { // what did not fit takes no room
		d, err := disk.Draft(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Write(make([]byte, 500<<10)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Write(make([]byte, 1<<20)); !errors.Is(err, media.ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
		if err := d.Discard(); err != nil {
			t.Error(err)
		}
	}
}
