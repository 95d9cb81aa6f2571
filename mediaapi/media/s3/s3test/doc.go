// Package s3test starts an S3 server for tests: versitygw, on a folder. Its program is
// built from the module in the folder gateway, so that what it needs is no part of the
// server's own module.
package s3test
