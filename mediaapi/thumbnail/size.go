package thumbnail

import (
	"fmt"
	"image"
)

// Size is one of the sizes that thumbnails are made in.
type Size struct {
	Width, Height int
	// Crop fills the size, and cuts off what does not fit its shape; else all of the
	// picture fits into the size.
	Crop bool
}

// Sizes are all sizes, the smallest first (section "Thumbnails").
var Sizes = []Size{{32, 32, true}, {96, 96, true}, {320, 240, false}, {640, 480, false}, {800, 600, false}}

// Name tells a size from others: 96x96c.
func (s Size) Name() string {
	if s.Crop {
		return fmt.Sprintf("%dx%dc", s.Width, s.Height)
	}
	return fmt.Sprintf("%dx%d", s.Width, s.Height)
}

// For gives the smallest size that is at least as large as the one that is asked for,
// of its method if there is one, or else the largest.
func For(width, height int, crop bool) Size {
	covers := func(s Size) bool { return s.Width >= width && s.Height >= height }
	for _, s := range Sizes {
		if s.Crop == crop && covers(s) {
			return s
		}
	}
	for _, s := range Sizes {
		if covers(s) && !s.Crop {
			return s
		}
	}
	return Sizes[len(Sizes)-1]
}

// frame gives the part of a picture of this size that is to be shown, and the size in
// which it is: never larger than it was.
func (s Size) frame(width, height int) (part image.Rectangle, w, h int) {
	part = image.Rect(0, 0, width, height)
	if s.Crop {
		w, h = s.Width, s.Height
		if width*h > height*w { // too wide
			cut := max(1, height*w/h)
			part.Min.X = (width - cut) / 2
			part.Max.X = part.Min.X + cut
		} else {
			cut := max(1, width*h/w)
			part.Min.Y = (height - cut) / 2
			part.Max.Y = part.Min.Y + cut
		}
		if part.Dx() < w {
			w, h = part.Dx(), part.Dy()
		}
		return part, w, h
	}
	if width <= s.Width && height <= s.Height {
		return part, width, height
	}
	w, h = s.Width, height*s.Width/width
	if h > s.Height {
		w, h = width*s.Height/height, s.Height
	}
	return part, max(1, w), max(1, h)
}
