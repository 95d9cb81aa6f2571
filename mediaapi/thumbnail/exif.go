package thumbnail

import (
	"bufio"
	"encoding/binary"
	"errors"
	"image"
	"io"
)

// orientation is how the camera was held, as Exif numbers it: 1 is upright, 2 to 4 are
// mirrored and turned by 180°, 5 to 8 lie on a side.
type orientation int

func (o orientation) lying() bool { return o >= 5 }

// place gives where the pixel of an upright picture comes from, w and h being the size
// of what the camera has stored.
func (o orientation) place(x, y, w, h int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

// apply turns a picture upright.
func (o orientation) apply(src *image.RGBA) *image.RGBA {
	if o <= 1 || o > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if o.lying() {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			dst.SetRGBA(x, y, src.RGBAAt(o.place(x, y, w, h)))
		}
	}
	return dst
}

var errExif = errors.New("there is no orientation")

// jpegOrientation finds the tag in the segments before the picture.
func jpegOrientation(r io.Reader) (orientation, error) {
	b := bufio.NewReader(r)
	if _, err := b.Discard(2); err != nil { // start of image
		return 1, err
	}
	for {
		var marker [4]byte
		if _, err := io.ReadFull(b, marker[:]); err != nil {
			return 1, err
		}
		size := int(binary.BigEndian.Uint16(marker[2:])) - 2
		if marker[0] != 0xff || marker[1] == 0xda || size < 0 { // start of scan: no more of them
			return 1, errExif
		}
		segment := make([]byte, size)
		if _, err := io.ReadFull(b, segment); err != nil {
			return 1, err
		}
		if marker[1] == 0xe1 && len(segment) > 6 && string(segment[:6]) == "Exif\x00\x00" {
			return exifOrientation(segment[6:])
		}
	}
}

// exifOrientation finds the tag 0x0112 in the first directory of a TIFF.
func exifOrientation(tiff []byte) (orientation, error) {
	if len(tiff) < 8 {
		return 1, errExif
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1, errExif
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		const entry = 12
		if len(entries) < entry {
			return 1, errExif
		}
		if order.Uint16(entries) == 0x0112 {
			if o := orientation(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o, nil
			}
			return 1, errExif
		}
		entries = entries[entry:]
	}
	return 1, errExif
}
