package config

import (
	"errors"
	"net/url"
	"path"
	"regexp"
	"strings"
)

var mediaOptions = []Option{
	{
		Key: "media.store", Default: "disk",
		Doc: "Where new files go: the folder media in the data folder, or a bucket of an S3-compatible store. " +
			"What lies in the other one is still read there. The command media move brings it over.",
		kind: choice(func(c *Config) *MediaStore { return &c.Media.Store }, MediaOnDisk, MediaInS3),
	},
	{
		Key: "media.s3_endpoint",
		Doc: "Address of the S3-compatible store, as https://s3.example.com. " +
			"With it the bucket and both keys are needed; without it there is no such store.",
		kind: text("URL", func(c *Config) *string { return &c.Media.S3.Endpoint }, checkEndpoint),
	},
	{
		Key: "media.s3_bucket", Doc: "Bucket of the files. It must exist.",
		kind: text("name", func(c *Config) *string { return &c.Media.S3.Bucket }, checkBucket),
	},
	{
		Key: "media.s3_region", Default: "us-east-1", Doc: "Region of the bucket.",
		kind: text("name", func(c *Config) *string { return &c.Media.S3.Region }, required(checkWord)),
	},
	{
		Key: "media.s3_access_key", Doc: "Access key of the bucket.",
		kind: text("key", func(c *Config) *string { return &c.Media.S3.AccessKey }, checkWord),
	},
	{
		Key: "media.s3_secret", Secret: true, Doc: "Secret of the access key.",
		kind: text("secret", func(c *Config) *Secret { return &c.Media.S3.Secret }, checkWord),
	},
	{
		Key: "media.s3_path_style", Default: "on",
		Doc: "Whether the bucket stands in the path of an address. " +
			"With off it stands before the host name, as newer stores of Amazon and some others demand.",
		kind: onOff(func(c *Config) *bool { return &c.Media.S3.PathStyle }),
	},
	{
		Key: "media.s3_prefix", Doc: "What all keys in the bucket begin with, as chat/.",
		kind: text("path", func(c *Config) *string { return &c.Media.S3.Prefix }, checkPrefix),
	},
	{
		Key: "media.s3_redirect", Default: "off",
		Doc: "Whether clients that may read a file are sent to the bucket for it, with an address that is good for a minute. " +
			"Clients must reach the endpoint then; web clients need CORS there.",
		kind: onOff(func(c *Config) *bool { return &c.Media.S3.Redirect }),
	},
	{
		Key: "media.scanner",
		Doc: "Address of ClamAV's clamd, as 127.0.0.1:3310 or /run/clamav/clamd.ctl. " +
			"It looks at each file before anybody can read it; what it finds infected is refused.",
		kind: text("host:port or path", func(c *Config) *string { return &c.Media.Scanner }, checkScanner),
	},
	{
		Key: "media.scanner_unavailable", Default: "refuse",
		Doc:  "What happens to files that the scanner could not look at. They are refused, or taken with a warning in the log.",
		kind: choice(func(c *Config) *Unscanned { return &c.Media.ScannerUnavailable }, RefuseUnscanned, AllowUnscanned),
	},
}

func checkEndpoint(v string) (string, error) {
	checked, err := checkPublicURL(v)
	if u, _ := url.Parse(checked); err == nil && u.Path != "" {
		err = errors.New("want a URL without a path; the bucket and the prefix are options of their own")
	}
	return checked, err
}

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func checkBucket(v string) (string, error) {
	if v != "" && !bucketPattern.MatchString(v) {
		return "", errors.New("want the name of a bucket: 3 to 63 of a-z, 0-9, dots and dashes")
	}
	return v, nil
}

func checkWord(v string) (string, error) {
	for _, b := range []byte(v) {
		if b <= ' ' || b > '~' {
			return "", errors.New("want printable ASCII characters without spaces")
		}
	}
	return v, nil
}

// checkPrefix gives a prefix that is empty or ends with a slash.
func checkPrefix(v string) (string, error) {
	v = strings.Trim(v, "/")
	if v == "" {
		return "", nil
	}
	if _, err := checkWord(v); err != nil || path.Clean(v) != v || strings.HasPrefix(v, ".") || len(v) > 255 {
		return "", errors.New("want a path of printable ASCII characters without spaces, such as chat/")
	}
	return v + "/", nil
}

func checkScanner(v string) (string, error) {
	if v == "" || strings.HasPrefix(v, "/") {
		return checkPath(v)
	}
	if host, port, found := cutPort(v); !found || host == "" || port == "0" {
		return "", errors.New("want host:port, such as 127.0.0.1:3310, or the path of a socket, such as /run/clamav/clamd.ctl")
	}
	return checkListen(v)
}
