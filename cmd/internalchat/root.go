package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/conversalabs/internalchat/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is one run of the command line.
type program struct {
	terminal
	environ []string
	started bool // a command's body was entered: the command line was right
}

// body is what a command does once its arguments and the configuration are
// known to be right. It may return a usageError.
type body func(ctx context.Context, cfg *config.Config, args []string) error

const rootHelp = `internalchat is a chat server for the team of a company. It speaks Matrix.
Without a command it starts the server, on the data in ./data.`

func (p *program) root() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := p.configured(&cobra.Command{Use: "internalchat", Long: rootHelp}, allOptions(), p.serve)
	root.AddCommand(
		p.configured(&cobra.Command{Use: "serve", Short: "Start the server", Args: words()}, allOptions(), p.serve),
		p.accountCommands(),
		p.userCommands(),
		p.botCommands(),
		p.appServiceCommands(),
		p.tokenCommands(),
		p.mediaCommands(),
		p.configured(&cobra.Command{
			Use: "doctor", Short: "Check configuration, database, schema, disk and clock", Args: words(),
		}, allOptions(), func(ctx context.Context, cfg *config.Config, _ []string) error {
			return doctor(ctx, cfg, p.terminal)
		}),
		p.versionCommand(),
	)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(helpCommand(root))
	root.PersistentFlags().BoolP("help", "h", false, "Print this help")
	root.Args, root.SuggestionsMinimumDistance = knownCommand, 2
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	return root
}

// usageTemplate is cobra's without what this program has not.
const usageTemplate = `Usage:{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command] [options]

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{else}}
  {{.UseLine}}{{end}}{{if .HasAvailableLocalFlags}}

Options:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}{{if not .HasParent}}

Options are also variables (INTERNALCHAT_LISTEN) and YAML keys (listen): see docs/configuration.md.{{end}}
`

// serve is the body of the root command and of "serve".
func (p *program) serve(ctx context.Context, cfg *config.Config, _ []string) error {
	return serve(ctx, cfg, p.terminal)
}

// configured gives a command these options and a body that runs with the
// checked configuration.
func (p *program) configured(c *cobra.Command, options []string, run body) *cobra.Command {
	given := addOptions(c.Flags(), options)
	c.DisableFlagsInUseLine = true
	c.Use += " [options]"
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := config.Load(given, p.environ)
		if err != nil {
			return err
		}
		p.started = true
		return run(c.Context(), cfg, args)
	}
	return c
}

// group is a command that only has subcommands.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short}
	c.AddCommand(commands...)
	names := make([]string, len(commands))
	for i, sub := range commands {
		names[i] = sub.Name()
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		want := strings.Join(names, ", ")
		if len(args) > 0 {
			return usagef("there is no command %q; want one of %s", name+" "+args[0], want)
		}
		return usagef("%s: want one of %s", name, want)
	}
	return c
}

// words demands exactly these arguments. What is too much is not repeated: it
// may be a password that somebody expected to give like that.
func words(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) > len(names):
			return usagef("%s: too many words (see %s --help)", c.Name(), c.CommandPath())
		case len(args) < len(names):
			return usagef("%s: %s is missing (see %s --help)", c.Name(), names[len(args)], c.CommandPath())
		}
		return nil
	}
}

// knownCommand refuses what the root command sees as an argument.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("see %s --help", c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + near[0] + "?"
	}
	return usagef("there is no command %q (%s)", args[0], hint)
}

// flagError explains a refused flag. The library's message for a single dash
// repeats the whole word, and with it the value of -machine-token=….
func flagError(c *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() != "" {
		return usagef("there is no option -%s; names of options begin with two dashes (see %s --help)",
			unknown.GetSpecifiedName(), c.CommandPath())
	}
	return usagef("%w (see %s --help)", err, c.CommandPath())
}

// helpCommand is "internalchat help user create".
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help", Hidden: true, Short: "Print the help of a command",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q", strings.Join(args, " "))
			}
			return c.Help()
		},
	}
}
