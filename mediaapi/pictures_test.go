package mediaapi_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"
)

// corners is a picture whose quarters differ: red, green, blue, white.
func corners(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, c := range []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}} {
		x, y := i%2*w/2, i/2*h/2
		draw.Draw(m, image.Rect(x, y, x+w/2+1, y+h/2+1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return m
}

func mustPNG(t testing.TB, w, h int) []byte { return mustEncodePNG(t, corners(w, h)) }

func mustEncodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustJPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, corners(w, h), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts an orientation and a place into a JPEG, as a telephone does.
func withExif(photo []byte, orientation uint16) []byte {
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x02")
	tiff = binary.BigEndian.AppendUint16(tiff, 0x0112)
	tiff = append(tiff, 0, 3, 0, 0, 0, 1)
	tiff = binary.BigEndian.AppendUint16(tiff, orientation)
	tiff = append(tiff, 0, 0)
	tiff = binary.BigEndian.AppendUint16(tiff, 0x8825) // GPS
	tiff = append(tiff, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0)
	tiff = append(tiff, "GPS-OF-MY-HOUSE"...)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	head := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(segment)+2))...)
	return append(append(head, segment...), photo[2:]...)
}

// mustGIF makes an animation of a red and a blue frame.
func mustGIF(t testing.TB, w, h int) []byte {
	t.Helper()
	var all gif.GIF
	for _, c := range []color.RGBA{{255, 0, 0, 255}, {0, 0, 255, 255}} {
		m := image.NewPaletted(image.Rect(0, 0, w, h), palette.Plan9)
		draw.Draw(m, m.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		all.Image, all.Delay = append(all.Image, m), append(all.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bits writes bits, the lowest first.
type bits struct {
	out  []byte
	used uint
}

func (b *bits) put(value uint32, count uint) {
	for i := range count {
		if b.used%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[len(b.out)-1] |= byte(value>>i&1) << (b.used % 8)
		b.used++
	}
}

// vp8l is a picture of one colour in WebP's lossless format: five codes of one symbol
// each, of which no pixel needs a bit.
func vp8l(w, h int, c color.RGBA) []byte {
	b := &bits{}
	b.put(0x2f, 8)
	b.put(uint32(w-1), 14)
	b.put(uint32(h-1), 14)
	b.put(1, 1) // alpha
	b.put(0, 3) // version
	b.put(0, 1) // no transform
	b.put(0, 1) // no colour cache
	b.put(0, 1) // no meta codes
	for _, symbol := range []uint8{c.G, c.R, c.B, c.A, 0} {
		b.put(1, 1) // simple
		b.put(0, 1) // one symbol
		b.put(1, 1) // of eight bits
		b.put(uint32(symbol), 8)
	}
	return chunk("VP8L", b.out)
}

func chunk(name string, body []byte) []byte {
	out := append([]byte(name), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...)
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func riff(chunks ...[]byte) []byte {
	return chunk("RIFF", append([]byte("WEBP"), bytes.Join(chunks, nil)...))
}

func uint24(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }

func stillWebP(w, h int) []byte { return riff(vp8l(w, h, color.RGBA{255, 0, 0, 255})) }

// animatedWebP has a red and a blue frame.
func animatedWebP(w, h int) []byte {
	size := append(uint24(w-1), uint24(h-1)...)
	head := chunk("VP8X", append([]byte{0x12, 0, 0, 0}, size...))
	anim := chunk("ANIM", make([]byte, 6))
	frame := func(c color.RGBA) []byte {
		body := append(make([]byte, 6), size...)
		body = append(body, 100, 0, 0, 0)
		return chunk("ANMF", append(body, vp8l(w, h, c)...))
	}
	return riff(head, anim, frame(color.RGBA{255, 0, 0, 255}), frame(color.RGBA{0, 0, 255, 255}))
}
