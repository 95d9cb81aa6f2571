package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// usage is what a process has used so far; nil where that cannot be told, as
// on systems without /proc.
type usage struct {
	cpu *float64 // seconds, in user and system mode
	rss *int64   // bytes in memory
}

// usageOf reads the usage of a process on this machine.
func usageOf(pid int) usage {
	if pid <= 0 {
		return usage{}
	}
	return readUsage(strconv.Itoa(pid))
}

func usageOfSelf() usage { return readUsage("self") }

// ticks a second in /proc/PID/stat, which is the same on every Linux.
const ticks = 100

func readUsage(process string) usage {
	stat, err := os.ReadFile(filepath.Join("/proc", process, "stat"))
	if err != nil {
		return usage{}
	}
	// The name, in parentheses, may hold spaces and parentheses itself.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, utime, stime, pages = 3, 14, 15, 24 // numbered as in proc(5)
	if len(fields) <= pages-state {
		return usage{}
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(string(fields[field-state]), 10, 64)
		return n
	}
	cpu := float64(number(utime)+number(stime)) / ticks
	rss := number(pages) * int64(os.Getpagesize())
	return usage{cpu: &cpu, rss: &rss}
}

// since gives the CPU seconds spent after an earlier reading, and the memory
// as it is now.
func (u usage) since(earlier usage) usage {
	if u.cpu == nil || earlier.cpu == nil {
		return usage{rss: u.rss}
	}
	spent := round(*u.cpu - *earlier.cpu)
	return usage{cpu: &spent, rss: u.rss}
}
