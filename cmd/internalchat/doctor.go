package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/conversalabs/internalchat/config"
)

// verdict is how a check has ended.
type verdict string

const (
	fine    verdict = "ok"
	warning verdict = "warning" // the server works; somebody should know
	problem verdict = "problem" // the server does not work, or may lose something
)

// finding is the line of one check. text says what was found and, unless it is
// fine, what to do about it.
type finding struct {
	verdict verdict
	subject string
	text    string
}

// examiner looks at an installation and changes nothing.
type examiner struct {
	cfg      *config.Config
	now      func() time.Time
	disk     func(folder string) (volume, error)
	findings []finding
}

func (e *examiner) add(v verdict, subject, format string, args ...any) {
	text := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ") // an error may have several lines
	e.findings = append(e.findings, finding{v, subject, text})
}

// doctorPatience is how long the doctor waits for one answer.
const doctorPatience = 5 * time.Second

// doctor checks what the server needs and says what to do about what it lacks.
// That the configuration is right is known when it is called. It fails when
// there is a problem.
func doctor(ctx context.Context, cfg *config.Config, t terminal) error {
	return examine(ctx, t, &examiner{cfg: cfg, now: time.Now, disk: volumeOf})
}

func examine(ctx context.Context, t terminal, e *examiner) error {
	e.configuration()
	running := e.server(ctx)
	e.listening(ctx, running)
	folder := e.folder()
	e.space()
	e.media(ctx)
	e.database(ctx, folder)
	e.clock()
	counts := map[verdict]int{}
	for _, f := range e.findings {
		counts[f.verdict]++
		t.printf("%-8s %s: %s\n", f.verdict, f.subject, f.text)
	}
	if n := counts[problem]; n > 0 {
		return errors.New(count(n, "problem") + " found")
	}
	return nil
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
