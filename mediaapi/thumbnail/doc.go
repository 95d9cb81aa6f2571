// Package thumbnail makes small pictures of large ones. Its one rule is that a picture
// is decoded only when its size is known to be bearable, and that nothing of the
// original but its pixels, upright, is in what comes out.
package thumbnail
