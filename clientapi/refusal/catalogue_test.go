package refusal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// demandTranslations makes a sentence without translation a failure. While it
// is false the test only lists them.
const demandTranslations = true

var translated = []string{"pt-BR", "es"}

// sentenceAt says which argument of a constructor is the sentence.
var sentenceAt = map[string]int{
	"New": 2, "Forbidden": 0, "NotFound": 0, "BadJSON": 0, "NotJSON": 0, "Invalid": 0, "Missing": 0, "TooLarge": 0,
}

// handedOn says which argument is the sentence where a function of a package
// (named "package.function") makes a refusal with what its callers give it.
var handedOn = map[string]int{"push.unmarshal": 2}

func TestEverySentenceIsTranslated(t *testing.T) {
	report := t.Logf
	if demandTranslations {
		report = t.Errorf
	}
	sentences := sentencesOf(t, filepath.Join("..", ".."), report)
	if len(sentences) < 10 {
		t.Fatalf("found only %d sentences in the module", len(sentences))
	}
	for _, tag := range translated {
		have := refusal.Translations(tag)
		for sentence, place := range sentences {
			if have[sentence] == "" {
				report("%s: no %s translation of %q", place, tag, sentence)
			}
		}
		for sentence := range have {
			if _, used := sentences[sentence]; !used {
				report("the %s catalogue has a sentence that nobody says: %q", tag, sentence)
			}
		}
	}
}

var verb = regexp.MustCompile(`%(\[\d+\])?[^a-zA-Z%]*[a-zA-Z%]`)

// A translation takes the arguments of its original, in the same order.
func TestTranslationsTakeTheSameArguments(t *testing.T) {
	for _, tag := range translated {
		for english, sentence := range refusal.Translations(tag) {
			if got, want := verb.FindAllString(sentence, -1), verb.FindAllString(english, -1); !slices.Equal(got, want) {
				t.Errorf("%s: %q takes %v, want %v", tag, sentence, got, want)
			}
		}
	}
}

// sentencesOf finds the sentences of all refusals in a module's sources, each
// with a place where it stands. It reports those that it cannot read.
func sentencesOf(t *testing.T, root string, report func(string, ...any)) map[string]string {
	t.Helper()
	s := sources{report: report, files: token.NewFileSet(), sentences: map[string]string{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && len(d.Name()) > 2 && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() && d.Name() == "storagetest": // its refusals are answers to tests
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(s.files, path, nil, 0)
		if err != nil {
			return fmt.Errorf("parse %s: %w", path, err)
		}
		s.read(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.sentences
}

// sources are the files that are read for sentences.
type sources struct {
	report    func(string, ...any)
	files     *token.FileSet
	sentences map[string]string // with a place of each
}

func (s *sources) read(file *ast.File) {
	for _, decl := range file.Decls {
		_, speaks := handedOn[file.Name.Name+"."+nameOf(decl)]
		ast.Inspect(decl, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				// What is handed on, and what refusal makes, is read where it is called.
				s.collect(file.Name.Name, call, speaks || file.Name.Name == "refusal")
			}
			return true
		})
	}
}

// collect adds the sentence of one call, if it makes a refusal.
func (s *sources) collect(pkg string, call *ast.CallExpr, handed bool) {
	at, ok := argument(pkg, call)
	if !ok || len(call.Args) <= at {
		return
	}
	place := s.files.Position(call.Args[at].Pos())
	where := filepath.ToSlash(place.Filename) + ":" + strconv.Itoa(place.Line)
	sentence, ok := literal(call.Args[at])
	switch {
	case ok && sentence != "":
		s.sentences[sentence] = where
	case !ok && !handed:
		s.report("%s: the sentence is not a literal, so nobody knows whether it is translated; see handedOn", where)
	}
}

// argument says which argument of a call is a refusal's sentence, if one is.
func argument(pkg string, call *ast.CallExpr) (at int, ok bool) {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if x, is := f.X.(*ast.Ident); is && x.Name == "refusal" {
			at, ok = sentenceAt[f.Sel.Name]
		}
	case *ast.Ident:
		if at, ok = handedOn[pkg+"."+f.Name]; !ok && pkg == "refusal" {
			at, ok = sentenceAt[f.Name]
		}
	}
	return at, ok
}

// nameOf gives the name of a function's declaration, "" for another one.
func nameOf(decl ast.Decl) string {
	if f, ok := decl.(*ast.FuncDecl); ok {
		return f.Name.Name
	}
	return ""
}

// literal gives the value of a string literal or of several joined by +.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, also := literal(e.Y)
		return left + right, ok && also && e.Op == token.ADD
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return "", false
}
