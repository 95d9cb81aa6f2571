package config

import "time"

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

var limitOptions = []Option{
	size("body_bytes", "128KiB", 64*kib, gib, func(l *Limits) *int64 { return &l.BodyBytes },
		"Body of a request, where nothing else is said."),
	size("create_room_body_bytes", "256KiB", 64*kib, gib, func(l *Limits) *int64 { return &l.CreateRoomBodyBytes },
		"Body of a request that creates a room."),
	size("keys_body_bytes", "4MiB", 64*kib, gib, func(l *Limits) *int64 { return &l.KeysBodyBytes },
		"Body of a request with encryption keys or to-device messages."),
	size("header_bytes", "16KiB", 4*kib, mib, func(l *Limits) *int { return &l.HeaderBytes },
		"All headers of a request."),
	size("url_bytes", "8KiB", kib, mib, func(l *Limits) *int { return &l.URLBytes },
		"Path and query of a request."),

	size("upload_bytes", "50MiB", kib, 64*gib, func(l *Limits) *int64 { return &l.UploadBytes },
		"One uploaded file."),
	size("user_media_bytes", "5GiB", mib, 1024*1024*gib, func(l *Limits) *int64 { return &l.UserMediaBytes },
		"All files of one user."),
	size("account_media_bytes", "0", 0, 1024*1024*gib, func(l *Limits) *int64 { return &l.AccountMediaBytes },
		"All files of one account; 0 is no limit."),
	count("pending_uploads", "20", 1, 1_000, func(l *Limits) *int { return &l.PendingUploads },
		"Uploads of a user that have an address and no content yet."),

	size("room_name_bytes", "255", 16, 4*kib, func(l *Limits) *int { return &l.RoomNameBytes },
		"Name of a room."),
	size("topic_bytes", "4KiB", 16, 32*kib, func(l *Limits) *int { return &l.TopicBytes },
		"Topic of a room."),
	size("account_data_bytes", "64KiB", kib, 16*mib, func(l *Limits) *int { return &l.AccountDataBytes },
		"Content of one type of account data."),
	size("account_data_large_bytes", "1MiB", kib, 16*mib, func(l *Limits) *int { return &l.AccountDataLargeBytes },
		"Content of m.direct."),
	count("account_data_types", "1000", 10, 100_000, func(l *Limits) *int { return &l.AccountDataTypes },
		"Types of account data a user may have, and as many in each room."),
	count("room_tags", "100", 1, 10_000, func(l *Limits) *int { return &l.RoomTags },
		"Tags a user may put on a room."),
	count("filters", "1000", 1, 100_000, func(l *Limits) *int { return &l.Filters },
		"Stored filters of a user."),
	count("devices", "100", 1, 10_000, func(l *Limits) *int { return &l.Devices },
		"Devices of a user."),
	count("pushers", "20", 1, 1_000, func(l *Limits) *int { return &l.Pushers },
		"Pushers of a user."),
	count("room_aliases", "20", 1, 1_000, func(l *Limits) *int { return &l.RoomAliases },
		"Aliases of a room."),
	count("room_members", "10000", 2, 1_000_000, func(l *Limits) *int { return &l.RoomMembers },
		"Joined and invited members of a room."),
	count("user_rooms", "5000", 1, 1_000_000, func(l *Limits) *int { return &l.UserRooms },
		"Rooms a user may be in."),
	count("sync_timeline", "100", 1, 1_000, func(l *Limits) *int { return &l.SyncTimeline },
		"Timeline events of a room in one sync answer, whatever the client asks for."),
	count("page", "1000", 10, 10_000, func(l *Limits) *int { return &l.Page },
		"Entries on one page of any list, whatever the client asks for."),
	count("delayed_events", "100", 1, 10_000, func(l *Limits) *int { return &l.DelayedEvents },
		"Events a user may have scheduled to be sent later."),
	size("password_min", "8", 1, 128, func(l *Limits) *int { return &l.PasswordMin },
		"Shortest password, in bytes."),
	size("password_max", "512", 64, 4*kib, func(l *Limits) *int { return &l.PasswordMax },
		"Longest password, in bytes."),

	period("sync_timeout", "60s", time.Second, 5*time.Minute, func(l *Limits) *time.Duration { return &l.SyncTimeout },
		"Longest wait of a long poll, whatever the client asks for."),
	period("presence_timeout", "60s", time.Second, time.Hour, func(l *Limits) *time.Duration { return &l.PresenceTimeout },
		"Time after which people become offline who neither poll nor ask for anything. It may take up to twice as long."),
	period("delayed_event_wait", "720h", time.Second, 8760*time.Hour, func(l *Limits) *time.Duration { return &l.DelayedEventWait },
		"Longest time an event may be scheduled ahead."),
	period("pending_upload_time", "24h", time.Minute, 720*time.Hour, func(l *Limits) *time.Duration { return &l.PendingUploadTime },
		"Time in which the content of a file must come whose address was asked for before."),
	period("loose_media_time", "168h", time.Hour, 8760*time.Hour, func(l *Limits) *time.Duration { return &l.LooseMediaTime },
		"Time after which files are removed to which nothing refers, in accounts with the room policy team."),
	period("header_timeout", "10s", time.Second, 5*time.Minute, func(l *Limits) *time.Duration { return &l.HeaderTimeout },
		"Time for a client to send the headers of a request."),
	period("body_timeout", "15s", time.Second, 5*time.Minute, func(l *Limits) *time.Duration { return &l.BodyTimeout },
		"Time for a client to send a JSON body."),
	period("idle_timeout", "75s", time.Second, time.Hour, func(l *Limits) *time.Duration { return &l.IdleTimeout },
		"Time after which an unused connection is closed."),
	period("database_acquire", "2s", 100*time.Millisecond, time.Minute, func(l *Limits) *time.Duration { return &l.DatabaseAcquire },
		"Longest wait for a connection to the database."),
	period("database_statement", "15s", 100*time.Millisecond, 10*time.Minute, func(l *Limits) *time.Duration { return &l.DatabaseStatement },
		"Longest run of one database statement."),
	period("database_lock", "5s", 100*time.Millisecond, time.Minute, func(l *Limits) *time.Duration { return &l.DatabaseLock },
		"Longest wait for a lock in the database."),
	period("shutdown_grace", "25s", 100*time.Millisecond, 10*time.Minute, func(l *Limits) *time.Duration { return &l.ShutdownGrace },
		"Time for running requests to end when the server stops."),
}

var rateOptions = []Option{
	rate("user_messages", "10/50", func(r *Rates) *Rate { return &r.UserMessages }, "Events sent by one person."),
	rate("bot_messages", "50/200", func(r *Rates) *Rate { return &r.BotMessages }, "Events sent by one bot."),
	rate("account_messages", "500/2000", func(r *Rates) *Rate { return &r.AccountMessages }, "Events sent by one account."),
	rate("logins", "0.02/10", func(r *Rates) *Rate { return &r.Logins }, "Logins of one user."),
	rate("failed_logins", "0.17/3", func(r *Rates) *Rate { return &r.FailedLogins }, "Failed logins of one user."),
	rate("address_logins", "0.1/30", func(r *Rates) *Rate { return &r.AddressLogins }, "Password and failed logins from one address."),
	rate("oauth", "1/100", func(r *Rates) *Rate { return &r.OAuth }, "Registrations of OAuth clients, sign-ins that they begin, and codes of devices, from one address."),
	rate("joins", "1/50", func(r *Rates) *Rate { return &r.Joins }, "Joins of one user."),
	rate("room_creation", "0.1/20", func(r *Rates) *Rate { return &r.RoomCreation }, "Rooms created by one user."),
	rate("search", "2/10", func(r *Rates) *Rate { return &r.Search }, "Searches of one user."),
	rate("cards", "10/100", func(r *Rates) *Rate { return &r.Cards }, "Items that one user asks another system for, to share them or to see how they are."),
	rate("media", "5/50", func(r *Rates) *Rate { return &r.Media }, "Uploads and downloads of one user."),
	rate("presence", "1/10", func(r *Rates) *Rate { return &r.Presence }, "Changes of presence by one user. Those that come with a poll wait for a later one instead of being refused."),
}

func size[T int | int64](key, standard string, least, most int64, field func(*Limits) *T, doc string) Option {
	return Option{Key: "limits." + key, Default: standard, Doc: doc, kind: between(sizes, least, most,
		func(c *Config, v int64) { *field(&c.Limits) = T(v) })}
}

func count(key, standard string, least, most int64, field func(*Limits) *int, doc string) Option {
	return Option{Key: "limits." + key, Default: standard, Doc: doc, kind: between(numbers, least, most,
		func(c *Config, v int64) { *field(&c.Limits) = int(v) })}
}

func period(key, standard string, least, most time.Duration, field func(*Limits) *time.Duration, doc string) Option {
	return Option{Key: "limits." + key, Default: standard, Doc: doc, kind: between(durations, least, most,
		func(c *Config, v time.Duration) { *field(&c.Limits) = v })}
}

func rate(key, standard string, field func(*Rates) *Rate, doc string) Option {
	return Option{Key: "rates." + key, Default: standard, Doc: doc, kind: kind{"rate/burst", func(c *Config, v string) error {
		r, err := parseRate(v)
		if err != nil {
			return err
		}
		*field(&c.Rates) = r
		return nil
	}}}
}
