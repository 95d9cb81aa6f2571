package icon

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"regexp"
	"strconv"

	"golang.org/x/exp/shiny/iconvg"
)

const (
	// Size is how wide and high a picture is, in pixels.
	Size = 512
	// glyph is how wide and high the icon is on it: a circle is cut out of it by most
	// clients.
	glyph = 288
)

// The errors of Paint and ParseColor.
var (
	ErrUnknown = errors.New("there is no such icon")
	ErrColor   = errors.New("a colour is # and six hexadecimal digits")
)

var colorPattern = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// ParseColor reads #RRGGBB.
func ParseColor(text string) (color.RGBA, error) {
	if !colorPattern.MatchString(text) {
		return color.RGBA{}, ErrColor
	}
	n, err := strconv.ParseUint(text[1:], 16, 32)
	if err != nil {
		return color.RGBA{}, ErrColor
	}
	return color.RGBA{R: uint8(n >> 16 & 0xff), G: uint8(n >> 8 & 0xff), B: uint8(n & 0xff), A: 0xff}, nil
}

var (
	white = color.RGBA{0xff, 0xff, 0xff, 0xff}
	black = color.RGBA{0, 0, 0, 0xff}
)

// Ink gives white or black, whichever is easier to see on a colour, and the contrast
// that it makes (WCAG 2.2, "contrast ratio"), which is never below 4.5:1.
func Ink(on color.RGBA) (ink color.RGBA, contrast float64) {
	l := luminance(on)
	onWhite, onBlack := 1.05/(l+0.05), (l+0.05)/0.05
	if onWhite >= onBlack {
		return white, onWhite
	}
	return black, onBlack
}

// luminance is WCAG's relative luminance.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 0xff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// Paint gives the icon of this name on a colour (#RRGGBB), as a PNG of [Size] by
// [Size].
func Paint(name, on string) ([]byte, error) {
	data := set[name]
	if data == nil {
		return nil, ErrUnknown
	}
	background, err := ParseColor(on)
	if err != nil {
		return nil, err
	}
	picture := image.NewRGBA(image.Rect(0, 0, Size, Size))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	ink, _ := Ink(background)
	palette := iconvg.DefaultPalette
	palette[0] = ink
	var z iconvg.Rasterizer
	const margin = (Size - glyph) / 2
	z.SetDstImage(picture, image.Rect(margin, margin, margin+glyph, margin+glyph), draw.Over)
	if err := iconvg.Decode(&z, data, &iconvg.DecodeOptions{Palette: &palette}); err != nil {
		return nil, fmt.Errorf("paint the icon %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("encode the icon %s: %w", name, err)
	}
	return out.Bytes(), nil
}
