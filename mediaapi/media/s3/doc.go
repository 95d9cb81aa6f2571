// Package s3 is the store of blobs in a bucket of an S3-compatible store. It alone
// knows the library for it. Its one rule: a key is written once, and whole: an object
// is there when all of it has arrived, or not at all.
package s3
