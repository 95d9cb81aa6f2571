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

// demandTranslations makes a sentence without translation a failure. Until it
// is true the test only lists them.
const demandTranslations = false

var translated = []string{"pt-BR", "es"}

// sentenceAt says which argument of a constructor is the sentence.
var sentenceAt = map[string]int{
	"New": 2, "Forbidden": 0, "NotFound": 0, "BadJSON": 0, "NotJSON": 0, "Invalid": 0, "Missing": 0, "TooLarge": 0,
}

func TestEverySentenceIsTranslated(t *testing.T) {
	sentences := sentencesOf(t, filepath.Join("..", ".."))
	if len(sentences) < 10 {
		t.Fatalf("found only %d sentences in the module", len(sentences))
	}
	report := t.Logf
	if demandTranslations {
		report = t.Errorf
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
// with a place where it stands.
func sentencesOf(t *testing.T, root string) map[string]string {
	t.Helper()
	sentences := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && len(d.Name()) > 2 && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return fmt.Errorf("parse %s: %w", path, err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				collect(t, files, file, call, sentences)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sentences
}

// collect adds the sentence of one call, if it makes a refusal.
func collect(t *testing.T, files *token.FileSet, file *ast.File, call *ast.CallExpr, sentences map[string]string) {
	t.Helper()
	var name string
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "refusal" {
			name = f.Sel.Name
		}
	case *ast.Ident:
		if file.Name.Name == "refusal" {
			name = f.Name
		}
	}
	at, ok := sentenceAt[name]
	if !ok || len(call.Args) <= at {
		return
	}
	place := files.Position(call.Args[at].Pos())
	where := filepath.ToSlash(place.Filename) + ":" + strconv.Itoa(place.Line)
	sentence, ok := literal(call.Args[at])
	switch {
	case ok && sentence != "":
		sentences[sentence] = where
	case !ok && file.Name.Name != "refusal":
		t.Logf("%s: the sentence is not a literal, so nobody knows whether it is translated", where)
	}
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
