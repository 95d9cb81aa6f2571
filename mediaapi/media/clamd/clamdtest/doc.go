// Package clamdtest is a clamd for tests: it speaks its protocol, and knows one
// signature, that of the EICAR test file.
package clamdtest
