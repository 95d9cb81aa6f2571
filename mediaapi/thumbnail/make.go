package thumbnail

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

// quality is that of thumbnails without transparency, which are JPEG.
const quality = 82

// Make makes a thumbnail: image/jpeg, or image/png of what has transparent parts. It
// ends with ctx. Its errors are those of [Open].
func (p *Picture) Make(ctx context.Context, size Size) (content []byte, kind string, err error) {
	picture, err := p.decode(ctx)
	if err != nil {
		return nil, "", err
	}
	b := picture.Bounds()
	if p.turned.lying() {
		size.Width, size.Height = size.Height, size.Width
	}
	part, w, h := size.frame(b.Dx(), b.Dy())
	small, err := reduce(ctx, picture, part.Add(b.Min), w, h)
	if err != nil {
		return nil, "", err
	}
	small = p.turned.apply(small)
	var out bytes.Buffer
	if small.Opaque() {
		kind, err = "image/jpeg", jpeg.Encode(&out, small, &jpeg.Options{Quality: quality})
	} else {
		kind, err = "image/png", png.Encode(&out, small)
	}
	if err != nil {
		return nil, "", fmt.Errorf("encode thumbnail: %w", err)
	}
	return out.Bytes(), kind, nil
}

// reduce scales a part of a picture down to w and h.
func reduce(ctx context.Context, src image.Image, part image.Rectangle, w, h int) (*image.RGBA, error) {
	near, err := average(ctx, src, part, min(part.Dx()/w, part.Dy()/h))
	if err != nil {
		return nil, err
	}
	if near.Rect.Dx() == w && near.Rect.Dy() == h {
		return near, nil
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(small, small.Rect, near, near.Rect, draw.Src, nil)
	return small, nil
}

// average makes one pixel of each square of so many. It needs the memory of one row of
// squares beside what it makes: the good filters would need a multiple of the picture.
func average(ctx context.Context, src image.Image, part image.Rectangle, square int) (*image.RGBA, error) {
	square = max(square, 1)
	w, h := max(1, part.Dx()/square), max(1, part.Dy()/square)
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	rows := image.NewRGBA(image.Rect(0, 0, w*square, square))
	count := uint32(square * square) //nolint:gosec // G115: of a picture that was decoded
	for y := range h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		draw.Draw(rows, rows.Rect, src, part.Min.Add(image.Pt(0, y*square)), draw.Src)
		for x := range w {
			var sum [4]uint32
			for dy := range square {
				at := dy*rows.Stride + x*square*4
				for range square {
					for c := range 4 {
						sum[c] += uint32(rows.Pix[at+c])
					}
					at += 4
				}
			}
			at := y*dst.Stride + x*4
			for c := range 4 {
				dst.Pix[at+c] = uint8((sum[c] + count/2) / count) //nolint:gosec // G115: an average of bytes
			}
		}
	}
	return dst, nil
}
