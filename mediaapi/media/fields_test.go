package media_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/mediaapi/media"
)

func TestNamedInEvent(t *testing.T) {
	t.Parallel()
	for content, want := range map[string][]media.ID{
		`{"msgtype":"m.image","url":"mxc://a.test/one"}`:                                                                  {"one"},
		`{"file":{"url":"mxc://a.test/one"}}`:                                                                             {"one"},
		`{"url":"mxc://a.test/one","info":{"thumbnail_url":"mxc://a.test/two"}}`:                                          {"one", "two"},
		`{"info":{"thumbnail_file":{"url":"mxc://a.test/two"}}}`:                                                          {"two"},
		`{"membership":"join","avatar_url":"mxc://a.test/one"}`:                                                           {"one"},
		`{"pack":{"avatar_url":"mxc://a.test/p"},"images":{"a":{"url":"mxc://a.test/1"},"b.c":{"url":"mxc://a.test/2"}}}`: {"p", "1", "2"},
		`{"formatted_body":"<b>x</b><IMG alt='&gt;' SRC='mxc://a.test/one'/><a href=\"mxc://a.test/no\">"}`:               {"one"},
		`{"body":"* x","m.new_content":{"url":"mxc://a.test/new","formatted_body":"<img src=mxc://a.test/i>"}}`:           {"new", "i"},
		`{"url":"mxc:\/\/a.test\/one"}`:                                                                                   {"one"},
		`{"url":"mxc://a.test/one","avatar_url":"mxc://a.test/one"}`:                                                      {"one"},
		// What is not among the fields, of another server, or no address.
		`{"body":"mxc://a.test/one"}`:                                    nil,
		`{"m.new_content":{"m.new_content":{"url":"mxc://a.test/one"}}}`: nil,
		`{"url":"mxc://b.test/one"}`:                                     nil,
		`{"url":"mxc://a.test/../one"}`:                                  nil,
		`{"url":"mxc://a.test/"}`:                                        nil,
		`{"url":5,"file":"mxc","images":[],"pack":null}`:                 nil,
		`{"formatted_body":"<img src='https://mxc://a.test'>"}`:          nil,
		`[]`: nil,
		``:   nil,
	} {
		if diff := cmp.Diff(want, media.NamedInEvent([]byte(content), "a.test")); diff != "" {
			t.Errorf("%s names other media (+) than it should (-):\n%s", content, diff)
		}
		if want != nil && !media.MayName([]byte(content)) {
			t.Errorf("%s is passed over", content)
		}
	}
}

func TestNamedAnywhere(t *testing.T) {
	t.Parallel()
	got := media.NamedAnywhere([]byte(`{"a":{"b":["mxc://a.test/one",{"mxc://a.test/key":"mxc://a.test/two"}]},"c":"see mxc://a.test/no"}`), "a.test")
	if diff := cmp.Diff([]media.ID{"one", "two"}, got); diff != "" {
		t.Errorf("got other media (+) than there are (-):\n%s", diff)
	}
	if diff := cmp.Diff([]media.ID{"one"}, media.NamedAnywhere([]byte(`"mxc://a.test/one"`), "a.test")); diff != "" {
		t.Errorf("of an avatar (+), want (-):\n%s", diff)
	}
	many := &strings.Builder{}
	for i := range 600 {
		fmt.Fprintf(many, `,"mxc://a.test/%d"`, i)
	}
	if got := media.NamedAnywhere([]byte("["+many.String()[1:]+"]"), "a.test"); len(got) != 500 {
		t.Errorf("got %d of 600, want 500", len(got))
	}
}
