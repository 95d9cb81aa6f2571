// Package mediaapi serves media over HTTP: uploads, downloads, thumbnails and previews
// of pages elsewhere. Its one rule is that what people have uploaded never acts in a
// browser: every answer is sandboxed, and shown in place only if its type cannot hold
// a program.
package mediaapi
