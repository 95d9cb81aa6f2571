package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestProductPage demands of docs/product.md that each rule names tests that there are.
func TestProductPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/product.md")
	if err != nil {
		t.Fatal(err)
	}
	found, err := exec.CommandContext(t.Context(), "grep", "-rhoE", "--include=*_test.go", "^func Test[A-Za-z0-9]+", "../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(found)) {
		known[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	name := regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	rows := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| Rule ") {
			continue
		}
		rows++
		named := name.FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("no test is named by: %s", line)
		}
		for _, test := range named {
			if !known[test[1]] {
				t.Errorf("there is no %s: %s", test[1], line)
			}
		}
	}
	if rows < 40 {
		t.Errorf("got %d rules", rows)
	}
}
