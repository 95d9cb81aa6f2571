package accounts

import (
	"context"
	"encoding/json"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxTag is how long the name of a tag may be, in bytes (section "Room
// tagging").
const maxTag = 255

var (
	errTagName  = refusal.Invalid("A tag may have at most 255 bytes.")
	errTags     = refusal.BadJSON("The tags of a room are an object of objects, under the key \"tags\".")
	errTagOrder = refusal.BadJSON("The order of a tag must be a number.")
)

// Tags are a user's tags on a room: each with its content, as it was written.
type Tags map[string]jsontext.Value

// Tags gives a user's tags on a room.
func (d *Data) Tags(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID) (Tags, error) {
	content, err := d.store.Item(ctx, account, stream.AccountData, user, room, TagType)
	if err != nil {
		return nil, err
	}
	return d.readTags(content)
}

// SetTag puts a tag of the caller's on a room. content is an object that may have
// an order, any number.
func (d *Data) SetTag(ctx context.Context, caller tenant.Caller, room id.RoomID, tag string, content json.RawMessage) error {
	if len(tag) > maxTag {
		return errTagName
	}
	if err := checkTag(jsontext.Value(content)); err != nil {
		return err
	}
	return d.changeTags(ctx, caller, room, func(tags Tags) { tags[tag] = jsontext.Value(content) })
}

// DeleteTag takes a tag of the caller's off a room, if it is there.
func (d *Data) DeleteTag(ctx context.Context, caller tenant.Caller, room id.RoomID, tag string) error {
	return d.changeTags(ctx, caller, room, func(tags Tags) { delete(tags, tag) })
}

// changeTags changes the tags as they are at the head, so that two changes at
// once do not lose one.
func (d *Data) changeTags(ctx context.Context, caller tenant.Caller, room id.RoomID, change func(Tags)) error {
	at := stream.Item{Kind: stream.AccountData, User: caller.User, Room: room, Key: TagType}
	return d.store.ChangeData(ctx, caller, at, func(content []byte) ([]byte, error) {
		tags, err := d.readTags(content)
		if err != nil {
			return nil, err
		}
		before := len(tags)
		change(tags)
		if content == nil && len(tags) == 0 {
			return nil, nil
		}
		if len(tags) > d.limits.Tags && len(tags) > before {
			return nil, d.tooManyTags()
		}
		changed, err := jsonv2.Marshal(map[string]Tags{"tags": tags}, jsonv2.Deterministic(true))
		if err != nil {
			return nil, err
		}
		return changed, d.checkTagsSize(changed)
	})
}

func (d *Data) checkTagsSize(content []byte) error {
	if len(content) > d.limits.Bytes {
		return refusal.TooLarge("Account data of this type may have at most %d bytes.", d.limits.Bytes)
	}
	return nil
}

func (d *Data) tooManyTags() error {
	return refusal.Forbidden("A room may have at most %d tags of yours.", d.limits.Tags)
}

// readTags reads the content of m.tag, or nothing.
func (d *Data) readTags(content []byte) (Tags, error) {
	var read struct {
		Tags Tags `json:"tags"`
	}
	if len(content) > 0 && jsonv2.Unmarshal(content, &read) != nil {
		return nil, errTags
	}
	if len(read.Tags) > d.limits.Tags {
		return nil, d.tooManyTags()
	}
	for tag, content := range read.Tags {
		if len(tag) > maxTag {
			return nil, errTagName
		}
		if err := checkTag(content); err != nil {
			return nil, err
		}
	}
	if read.Tags == nil {
		read.Tags = Tags{}
	}
	return read.Tags, nil
}

func checkTag(content jsontext.Value) error {
	var tag struct {
		Order jsontext.Value `json:"order"`
	}
	if content.Kind() != '{' || jsonv2.Unmarshal(content, &tag) != nil {
		return errTags
	}
	if tag.Order != nil && tag.Order.Kind() != '0' {
		return errTagOrder
	}
	return nil
}
