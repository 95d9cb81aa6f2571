// Package mediatest is the suite of tests that every store of blobs passes.
package mediatest
