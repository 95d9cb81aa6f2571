package icon_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/conversalabs/internalchat/rooms/icon"
)

// Every icon is painted, is to be seen, and leaves room for the circle that clients cut
// out.
func TestPaint(t *testing.T) {
	t.Parallel()
	names := icon.Names()
	if len(names) < 40 {
		t.Errorf("got %d icons, want a choice of 40", len(names))
	}
	pictures := map[string]string{}
	for _, name := range names {
		if !icon.Known(name) {
			t.Errorf("%s is listed and not known", name)
		}
		picture, err := icon.Paint(name, "#2563eb")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if same := pictures[string(picture)]; same != "" {
			t.Errorf("%s looks like %s", name, same)
		}
		pictures[string(picture)] = name
		decoded, err := png.Decode(bytes.NewReader(picture))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if size := decoded.Bounds().Size(); size.X != icon.Size || size.Y != icon.Size {
			t.Errorf("%s: got the size %v", name, size)
		}
		pixels, inked := decoded.(*image.RGBA), 0
		for x := range icon.Size {
			for y := range icon.Size {
				switch at := pixels.RGBAAt(x, y); {
				case at.A != 0xff:
					t.Fatalf("%s: one looks through it at %d, %d", name, x, y)
				case at.R == 0xff:
					inked++
					if x < 100 || y < 100 || x >= 412 || y >= 412 {
						t.Fatalf("%s: the icon reaches to %d, %d", name, x, y)
					}
				}
			}
		}
		if inked < 2000 {
			t.Errorf("%s: %d white pixels", name, inked)
		}
	}
	again, err := icon.Paint("hash", "#2563EB")
	if err != nil || pictures[string(again)] != "hash" {
		t.Errorf("the same icon and colour are another picture (%v)", err)
	}
}

func TestPaintRefusals(t *testing.T) {
	t.Parallel()
	if _, err := icon.Paint("dragon", "#000000"); !errors.Is(err, icon.ErrUnknown) || icon.Known("dragon") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "#fff", "2563EB", "#2563EG", "#2563EB0", "red"} {
		if _, err := icon.Paint("hash", bad); !errors.Is(err, icon.ErrColor) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// On every colour either white or black is easy to see.
func TestInk(t *testing.T) {
	t.Parallel()
	for r := 0; r < 256; r += 5 {
		for g := 0; g < 256; g += 5 {
			for b := 0; b < 256; b += 5 {
				on := color.RGBA{uint8(r), uint8(g), uint8(b), 0xff}
				if _, contrast := icon.Ink(on); contrast < 4.5 {
					t.Fatalf("%v: got %.2f:1", on, contrast)
				}
			}
		}
	}
	for text, want := range map[string]uint8{"#FFFFFF": 0, "#000000": 0xff, "#FFEB3B": 0, "#2563EB": 0xff} {
		on, err := icon.ParseColor(text)
		if ink, _ := icon.Ink(on); err != nil || ink.R != want {
			t.Errorf("%s: got the ink %v, %v", text, ink, err)
		}
	}
}
