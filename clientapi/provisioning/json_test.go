package provisioning_test

import (
	"strconv"

	"github.com/tidwall/sjson"
)

func itoa(n int) string { return strconv.Itoa(n) }

// with sets fields of a JSON object, in pairs of a path and raw JSON; "" removes.
func with(object string, pairs ...string) string {
	var err error
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			object, err = sjson.Delete(object, pairs[i])
		} else {
			object, err = sjson.SetRaw(object, pairs[i], pairs[i+1])
		}
		if err != nil {
			panic(err)
		}
	}
	return object
}
