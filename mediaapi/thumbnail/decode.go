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
		return format{"image/jpeg", jpeg.Decode, jpeg.DecodeConfig, jpegOrientation}, true
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

// Bytes bounds the memory that making a thumbnail takes.
func (p *Picture) Bytes() int64 { return int64(p.Width) * int64(p.Height) * 8 }

// until ends reading when its context does: decoders know of none.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

// decode gives all of the picture.
func (p *Picture) decode(ctx context.Context) (image.Image, error) {
	if err := p.again(); err != nil {
		return nil, err
	}
	picture, err := p.format.decode(bufio.NewReaderSize(until{ctx, p.content}, 64<<10))
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
