package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"
)

// bind makes an argument one of the driver's values, under PostgreSQL's rules.
func bind(arg any, kind paramKind) (driver.Value, error) {
	if kind != scalarParam {
		return bindArray(arg, kind)
	}
	switch a := arg.(type) {
	case nil:
		return nil, nil
	case string:
		return bindText(a)
	case []byte:
		return bindBytes(a), nil
	case int64:
		return a, nil
	case int:
		return int64(a), nil
	case bool:
		return a, nil
	case float64:
		return a, nil
	case driver.Valuer:
		if v := reflect.ValueOf(arg); v.Kind() == reflect.Pointer && v.IsNil() {
			return nil, nil
		}
		v, err := a.Value()
		if err != nil {
			return nil, err
		}
		if _, again := v.(driver.Valuer); again {
			return nil, fmt.Errorf("%T gives another Valuer", arg)
		}
		return bind(v, kind)
	}
	return bindReflected(reflect.ValueOf(arg))
}

func bindReflected(v reflect.Value) (driver.Value, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return bind(v.Elem().Interface(), scalarParam)
	case reflect.String:
		return bindText(v.String())
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%d is greater than a BIGINT", v.Uint())
		}
		return int64(v.Uint()), nil //nolint:gosec // checked above
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return bindBytes(v.Bytes()), nil
		}
	}
	return nil, fmt.Errorf("a %s cannot be an argument here", v.Type())
}

// errText is for strings that PostgreSQL would refuse.
var errText = errors.New("text must be valid UTF-8 without NUL")

func bindText(s string) (driver.Value, error) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return nil, errText
	}
	return s, nil
}

func bindBytes(b []byte) driver.Value {
	if b == nil {
		return nil
	}
	return b
}

// bindArray makes the JSON array that json_each reads.
func bindArray(arg any, kind paramKind) (driver.Value, error) {
	v := reflect.ValueOf(arg)
	if arg == nil || v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("%T where a slice is needed", arg)
	}
	list := make([]any, v.Len())
	for i := range list {
		item, err := bind(v.Index(i).Interface(), scalarParam)
		if err != nil {
			return nil, err
		}
		blob, isBlob := item.([]byte)
		if item != nil && isBlob != (kind == byteArrayParam) {
			return nil, fmt.Errorf("a slice of %s needs the cast of its type, and byte strings bytea[]", v.Type().Elem())
		}
		if isBlob {
			item = hex.EncodeToString(blob)
		}
		list[i] = item
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// liteRow is the current row of a connection.
type liteRow struct{ values []driver.Value }

func (r *liteRow) Scan(dst ...any) error {
	if len(dst) != len(r.values) {
		return fmt.Errorf("scan: %d destinations for %d columns", len(dst), len(r.values))
	}
	for i, d := range dst {
		if err := assign(d, r.values[i]); err != nil {
			return fmt.Errorf("scan column %d: %w", i, err)
		}
	}
	return nil
}

// assign copies one of the driver's values. The values are the caller's own: the
// driver makes new ones for every row.
func assign(dst any, v driver.Value) error {
	switch d := dst.(type) {
	case *string:
		if s, ok := v.(string); ok {
			*d = s
			return nil
		}
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *int:
		if n, ok := v.(int64); ok {
			*d = int(n)
			return nil
		}
	case *bool:
		if n, ok := v.(int64); ok && n&^1 == 0 {
			*d = n == 1
			return nil
		}
	case *[]byte:
		*d, _ = bytesOf(v)
		if v == nil || *d != nil {
			return nil
		}
	case *any:
		*d = v
		return nil
	case sql.Scanner:
		return d.Scan(v)
	}
	return assignReflected(reflect.ValueOf(dst), v)
}

// bytesOf is the value as bytes; an empty one is not nil.
func bytesOf(v driver.Value) ([]byte, bool) {
	switch v := v.(type) {
	case []byte:
		if v == nil {
			return []byte{}, true
		}
		return v, true
	case string:
		return []byte(v), true
	default:
		return nil, false
	}
}

func assignReflected(ptr reflect.Value, v driver.Value) error {
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
		return fmt.Errorf("destination %s is not a pointer", ptr.Type())
	}
	dst := ptr.Elem()
	if v == nil {
		if dst.Kind() == reflect.Pointer || dst.Kind() == reflect.Slice {
			dst.SetZero()
			return nil
		}
		return fmt.Errorf("NULL into %s", dst.Type())
	}
	switch dst.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(dst.Type().Elem())
		if err := assign(fresh.Interface(), v); err != nil {
			return err
		}
		dst.Set(fresh)
		return nil
	case reflect.String:
		if s, ok := v.(string); ok {
			dst.SetString(s)
			return nil
		}
	case reflect.Bool:
		if n, ok := v.(int64); ok && n&^1 == 0 {
			dst.SetBool(n == 1)
			return nil
		}
	case reflect.Slice:
		if b, ok := bytesOf(v); ok && dst.Type().Elem().Kind() == reflect.Uint8 {
			dst.SetBytes(b)
			return nil
		}
	default:
		if assignNumber(dst, v) {
			return nil
		}
	}
	return fmt.Errorf("a value of type %T into %s", v, dst.Type())
}

func assignNumber(dst reflect.Value, v driver.Value) bool {
	n, isInt := v.(int64)
	f, isFloat := v.(float64)
	switch {
	case dst.CanInt() && isInt && !dst.OverflowInt(n):
		dst.SetInt(n)
	case dst.CanUint() && isInt && n >= 0 && !dst.OverflowUint(uint64(n)):
		dst.SetUint(uint64(n))
	case dst.CanFloat() && isFloat:
		dst.SetFloat(f)
	case dst.CanFloat() && isInt:
		dst.SetFloat(float64(n))
	default:
		return false
	}
	return true
}
