package thumbnail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// The decoder of golang.org/x/image refuses animations. So the first frame of one is
// taken out of its container (https://developers.google.com/speed/webp/docs/riff_container)
// and made a picture of its own.

var errWebP = errors.New("the WebP container is broken")

func decodeWebP(r io.Reader) (image.Image, error) {
	still, err := stillWebP(r)
	if err != nil {
		return nil, err
	}
	return webp.Decode(still)
}

func webPConfig(r io.Reader) (image.Config, error) {
	still, err := stillWebP(r)
	if err != nil {
		return image.Config{}, err
	}
	return webp.DecodeConfig(still)
}

const (
	riffHead  = 12 // RIFF, size, WEBP
	chunkHead = 8  // name, size
	// maxFrame is the largest frame, packed, that is taken out of an animation.
	maxFrame = 64 << 20

	animation = 0x02 // of the flags in VP8X
	alpha     = 0x10
)

// stillWebP gives the container as it is, or with the first frame alone.
func stillWebP(r io.Reader) (io.Reader, error) {
	head := make([]byte, riffHead+chunkHead+10)
	n, err := io.ReadFull(r, head)
	whole := io.MultiReader(bytes.NewReader(head[:n]), r)
	if err != nil || string(head[riffHead:riffHead+4]) != "VP8X" || head[riffHead+chunkHead]&animation == 0 {
		return whole, nil //nolint:nilerr // the decoder says what is wrong
	}
	if size := binary.LittleEndian.Uint32(head[riffHead+4:]); size != 10 {
		return nil, errWebP
	}
	for {
		var chunk [chunkHead]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return nil, errWebP
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		if string(chunk[:4]) == "ANMF" {
			return firstFrame(io.LimitReader(r, size), size)
		}
		if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
			return nil, errWebP
		}
	}
}

// firstFrame makes a container of the frame in a chunk ANMF.
func firstFrame(r io.Reader, size int64) (io.Reader, error) {
	const frameHead = 16 // place, size, duration, flags
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || size > maxFrame {
		return nil, errWebP
	}
	frame, err := io.ReadAll(r)
	if err != nil || len(frame) < chunkHead {
		return nil, errWebP
	}
	var body bytes.Buffer
	body.WriteString("WEBP")
	if string(frame[:4]) == "ALPH" {
		extended := append([]byte("VP8X\x0a\x00\x00\x00"), alpha, 0, 0, 0)
		body.Write(append(extended, head[6:12]...)) // width and height, as they stand in the frame
	}
	body.Write(frame)
	file := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(body.Len()))...) //nolint:gosec // G115: bounded by maxFrame
	return io.MultiReader(bytes.NewReader(file), &body), nil
}
