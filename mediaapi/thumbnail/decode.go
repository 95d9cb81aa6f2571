package thumbnail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
)

var (
	// ErrNoPicture is said of what is no picture that can be read.
	ErrNoPicture = errors.New("not a picture that can be read")
	// ErrTooLarge is said of a picture with more than [MaxPixels].
	ErrTooLarge = errors.New("the picture has too many pixels")
)

// MaxPixels is how large a picture may be to be decoded.
const MaxPixels = 32_000_000

const jpegType = "image/jpeg"

// format is a kind of picture.
type format struct {
	kind   string // media type
	decode func(io.Reader) (image.Image, error)
	config func(io.Reader) (image.Config, error)
	// turned finds how the picture has to be turned.
	turned func(io.Reader) (orientation, error)
}

func upright(io.Reader) (orientation, error) { return 1, nil }

// formatOf finds the kind of a picture by its first bytes, whatever it is called.
func formatOf(head []byte) (format, bool) {
	begins := func(magic string) bool { return len(head) >= len(magic) && string(head[:len(magic)]) == magic }
	switch {
	case begins("\xff\xd8\xff"):
		return format{jpegType, jpeg.Decode, jpeg.DecodeConfig, jpegOrientation}, true
	case begins("\x89PNG\r\n\x1a\n"):
		return format{"image/png", png.Decode, png.DecodeConfig, upright}, true
	case begins("GIF87a"), begins("GIF89a"):
		return format{"image/gif", gif.Decode, gif.DecodeConfig, upright}, true // of several frames the first
	case begins("RIFF") && len(head) >= 12 && string(head[8:12]) == "WEBP":
		return format{"image/webp", decodeWebP, webPConfig, upright}, true
	}
	return format{}, false
}

// Picture is what is known of a picture before it is decoded.
type Picture struct {
	Width, Height int // as it is shown
	format        format
	turned        orientation
	content       io.ReadSeeker
}

// Open reads what there is to know of a picture: ErrNoPicture, ErrTooLarge, or an
// error of content.
func Open(content io.ReadSeeker) (*Picture, error) {
	head := make([]byte, 16)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	f, known := formatOf(head[:n])
	if !known {
		return nil, ErrNoPicture
	}
	p := &Picture{format: f, content: content}
	if err := p.again(); err != nil {
		return nil, err
	}
	c, err := f.config(content)
	if err != nil || c.Width <= 0 || c.Height <= 0 {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	if c.Width > MaxPixels || c.Height > MaxPixels || c.Width*c.Height > MaxPixels {
		return nil, ErrTooLarge
	}
	if err := p.again(); err != nil {
		return nil, err
	}
	if p.turned, err = f.turned(content); err != nil {
		p.turned = 1 // the picture may be good all the same
	}
	p.Width, p.Height = c.Width, c.Height
	if p.turned.lying() {
		p.Width, p.Height = c.Height, c.Width
	}
	return p, nil
}

// Type is the media type of the picture.
func (p *Picture) Type() string { return p.format.kind }

// again goes back to the beginning.
func (p *Picture) again() error {
	_, err := p.content.Seek(0, io.SeekStart)
	return err
}

// Bytes bounds the memory that making a thumbnail takes. Of a progressive JPEG all
// coefficients are kept, of up to four components, beside the picture.
func (p *Picture) Bytes() int64 {
	each := int64(8)
	if p.format.kind == jpegType {
		each = 20
	}
	return int64(p.Width) * int64(p.Height) * each
}

// until ends reading when its context does: decoders know of none.
type until struct {
	ctx context.Context
	io.Reader
	// scans counts the scans of a JPEG: each is work on the whole picture, and a few
	// bytes may be one. Nothing is given of a reading that has too many.
	scans *scans
}

// maxScans is more than any program makes of a progressive JPEG.
const maxScans = 64

// scans counts markers of scans in what is read.
type scans struct {
	count  int
	marked bool // the last byte was 0xff
}

func (s *scans) see(content []byte) {
	for _, b := range content {
		if s.marked && b == 0xda {
			s.count++
		}
		s.marked = b == 0xff
	}
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.Reader.Read(p)
	if u.scans != nil {
		if u.scans.see(p[:n]); u.scans.count > maxScans {
			return 0, ErrNoPicture
		}
	}
	return n, err
}

// decode gives all of the picture.
func (p *Picture) decode(ctx context.Context) (image.Image, error) {
	if err := p.again(); err != nil {
		return nil, err
	}
	reading := until{ctx: ctx, Reader: p.content}
	if p.format.kind == jpegType {
		reading.scans = &scans{}
	}
	picture, err := p.format.decode(bufio.NewReaderSize(reading, 64<<10))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	// A frame may be other than what the head has said.
	if b := picture.Bounds(); b.Empty() || b.Dx()*b.Dy() > MaxPixels {
		return nil, ErrTooLarge
	}
	return picture, nil
}
