// Package icon owns the pictures of channels that are an icon on a colour: which icons
// there are, and how they are painted. Its one rule: the same icon and colour are the
// same bytes. The icons are Google's Material Design icons (Apache License 2.0), in the
// form of golang.org/x/exp.
package icon
