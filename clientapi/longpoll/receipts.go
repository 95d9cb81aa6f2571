package longpoll

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// receiptGroup is the content of one m.receipt: event → type → user → value.
type receiptGroup map[string]map[string]map[id.UserID][]byte

// groupReceipts makes one m.receipt of a room's receipts. A user may have read one
// event in a thread and in the room: such a second receipt under the same keys
// goes into one more m.receipt.
func groupReceipts(items []stream.Item) []receiptGroup {
	var groups []receiptGroup
	for _, item := range items {
		kind, _ := splitReceipt(item.Key)
		event, value := receiptOf(item)
		if event == "" {
			continue
		}
		i := 0
		for i < len(groups) && groups[i][event][kind][item.User] != nil {
			i++
		}
		if i == len(groups) {
			groups = append(groups, receiptGroup{})
		}
		if groups[i][event] == nil {
			groups[i][event] = map[string]map[id.UserID][]byte{}
		}
		if groups[i][event][kind] == nil {
			groups[i][event][kind] = map[id.UserID][]byte{}
		}
		groups[i][event][kind][item.User] = value
	}
	return groups
}

// receipts writes one m.receipt, without room_id.
func (w *writer) receipts(group receiptGroup) {
	w.out = append(w.out, `{"type":"m.receipt","content":{`...)
	events := keys(group)
	w.list(len(events), func(i int) {
		kinds := keys(group[events[i]])
		w.text(events[i])
		w.out = append(w.out, ':', '{')
		w.list(len(kinds), func(k int) {
			users := keys(group[events[i]][kinds[k]])
			w.text(kinds[k])
			w.out = append(w.out, ':', '{')
			w.list(len(users), func(u int) {
				w.text(string(users[u]))
				w.out = append(w.out, ':')
				w.out = append(w.out, group[events[i]][kinds[k]][users[u]]...)
			})
			w.out = append(w.out, '}')
		})
		w.out = append(w.out, '}')
	})
	w.out = append(w.out, '}', '}')
}
