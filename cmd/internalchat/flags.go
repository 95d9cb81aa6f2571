package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conversalabs/internalchat/config"
	"github.com/spf13/pflag"
)

// dataOptions are the flags of the commands that only work on the data; all
// other options reach them by variable and file.
var dataOptions = []string{"config", "data", "database"}

// allOptions are the flags of the server.
func allOptions() []string {
	var names []string
	for _, o := range config.Options() {
		if o.Flag != "" {
			names = append(names, o.Flag)
		}
	}
	return names
}

// addOptions makes flags of configuration options. The map they fill holds
// those that were given; config.Load checks them.
func addOptions(flags *pflag.FlagSet, names []string) map[string]string {
	flags.SortFlags = false
	given := map[string]string{}
	for _, o := range config.Options() {
		if slices.Contains(names, o.Flag) {
			flags.Var(&optionFlag{o, given}, o.Flag, o.Summary())
		}
	}
	return given
}

// optionFlag is the flag of one option.
type optionFlag struct {
	option config.Option
	given  map[string]string
}

// String gives the default, for the help.
func (f *optionFlag) String() string { return f.option.Default }

// Set notes that the flag was given.
func (f *optionFlag) Set(value string) error {
	f.given[f.option.Flag] = value
	return nil
}

// Type gives the shape of the value, for the help.
func (f *optionFlag) Type() string { return f.option.Shape() }

// choiceFlag is a flag with a few possible values.
type choiceFlag struct {
	value  string
	values []string
}

// String gives the value.
func (f *choiceFlag) String() string { return f.value }

// Set checks and stores the value.
func (f *choiceFlag) Set(value string) error {
	if !slices.Contains(f.values, value) {
		return fmt.Errorf("want %s", strings.Join(f.values, " or "))
	}
	f.value = value
	return nil
}

// Type gives the possible values, for the help.
func (f *choiceFlag) Type() string { return strings.Join(f.values, "|") }
