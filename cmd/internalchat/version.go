package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: words(), DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			p.started = true
			info, _ := debug.ReadBuildInfo()
			_, err := io.WriteString(p.out, versionLine(info))
			return err
		},
	}
}

// versionLine describes a build: module version, revision, Go version and
// platform. Without build information only the latter two are known.
func versionLine(info *debug.BuildInfo) string {
	version, revision := "(unknown)", ""
	if info != nil {
		version = info.Main.Version
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if rev := settings["vcs.revision"]; rev != "" {
			revision = " revision " + rev
			if settings["vcs.modified"] == "true" {
				revision += " with changes"
			}
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return fmt.Sprintf("internalchat %s%s %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
