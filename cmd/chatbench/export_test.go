package main

// What the tests call.
var (
	Run        = run
	Percentile = percentile
)
