package thumbnail_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/conversalabs/internalchat/mediaapi/thumbnail"
)

// progressive is a grey progressive JPEG whose scans say of every block that nothing
// of it is there: a few bytes for each scan of the whole picture.
func progressive(width, height, scans int) []byte {
	var b bytes.Buffer
	b.Write([]byte{0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), 1, 1, 0x11, 0})
	for _, table := range [][2]byte{{0x00, 0}, {0x10, 0xe0}} { // one code: no difference, a run of 2^14 blocks
		b.Write([]byte{0xff, 0xc4, 0, 20, table[0], 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, table[1]})
	}
	runs := (width/8*(height/8))>>14 + 1
	for range scans {
		b.Write([]byte{0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0})
		b.Write(make([]byte, runs*15/8+4))
	}
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

func TestScansOfJPEG(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"few":         {progressive(64, 64, 12), nil},
		"as many":     {progressive(64, 64, 64), nil},
		"one more":    {progressive(64, 64, 65), thumbnail.ErrNoPicture},
		"a long work": {progressive(8000, 4000, 830), thumbnail.ErrNoPicture},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := thumbnail.Open(bytes.NewReader(c.content))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = p.Make(t.Context(), thumbnail.Sizes[0])
			if !errors.Is(err, c.want) {
				t.Errorf("%d bytes: got %v, want %v", len(c.content), err, c.want)
			}
		})
	}
}
