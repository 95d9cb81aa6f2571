// Two people talk: everything that a client does in a day, told by what both
// see.

import assert from "node:assert/strict";
import * as sdk from "matrix-js-sdk";
import { Person, missing, serves, soon, soonAt, story, until } from "./person.js";

const text = (event) => event.getContent().body;
const relation = (type, eventId, more) => ({ "m.relates_to": { rel_type: type, event_id: eventId, ...more } });

/** What refuses an act. */
const refusal = (act) =>
    act.then(
        () => "nothing",
        (e) => e.errcode ?? String(e),
    );

story("conversation", async (step, present) => {
    const ana = present(await Person.register("ana"));
    const bia = present(await Person.register("bia"));
    let roomId; // the channel that both are in
    let alias;
    let first; // the event ID of its first message

    await step("log in", async () => {
        const flows = (await ana.client.loginFlows()).flows.map((flow) => flow.type);
        assert.ok(flows.includes("m.login.password"));
        const wrong = new Person("ana", "wrong");
        assert.equal(await refusal(wrong.logIn()), "M_FORBIDDEN");
        for (const person of [ana, bia]) {
            const session = await person.logIn();
            assert.deepEqual(
                await person.client.whoami().then((who) => [who.user_id, who.device_id]),
                [session.user_id, session.device_id],
            );
            await person.start();
        }
    });

    await step("a profile", async () => {
        await ana.client.setDisplayName("Ana Souza");
        await ana.client.setAvatarUrl("mxc://localhost/portrait");
        assert.deepEqual(await bia.client.getProfileInfo(ana.id), {
            displayname: "Ana Souza",
            avatar_url: "mxc://localhost/portrait",
        });
    });

    await step("create a channel, find it, join it by its address", async () => {
        alias = `#general:${ana.serverName}`;
        const created = await ana.client.createRoom({
            room_alias_name: "general",
            name: "General",
            topic: "All and sundry",
            preset: sdk.Preset.PublicChat,
            visibility: sdk.Visibility.Public,
        });
        roomId = created.room_id;
        const room = await ana.knows(roomId);
        assert.equal(room.name, "General");
        assert.equal(room.getCanonicalAlias(), alias);
        const listed = await bia.client.publicRooms({ filter: { generic_search_term: "gener" } });
        assert.deepEqual(listed.chunk.map((found) => found.room_id), [roomId]);
        assert.equal((await bia.client.getRoomIdForAlias(alias)).room_id, roomId);
        await bia.client.joinRoom(alias);
        await bia.knows(roomId);
        await until(ana.client, sdk.RoomMemberEvent.Membership, "bia joins", () => room.getMember(bia.id)?.membership === "join");
        await until(room, sdk.RoomEvent.Summary, "two members", () => room.getJoinedMemberCount() === 2);
        assert.equal(bia.room(roomId).getMyMembership(), "join");
        assert.equal(bia.room(roomId).name, "General");
    });

    await step("send: the other sees it, oneself once", async () => {
        first = await ana.say(roomId, "Good morning!");
        const seen = await bia.sees(roomId, first);
        assert.deepEqual([text(seen), seen.getSender(), seen.sender.name], ["Good morning!", ana.id, "Ana Souza"]);
        await ana.sees(roomId, first);
        const copies = ana.room(roomId).getLiveTimeline().getEvents().filter((e) => text(e) === "Good morning!");
        assert.deepEqual(copies.map((e) => [e.getId(), e.isSending()]), [[first, false]]);
    });

    await step("edit", async () => {
        const before = await bia.sees(roomId, first);
        await ana.say(roomId, "* Good morning, all!", {
            "m.new_content": { msgtype: "m.text", body: "Good morning, all!" },
            ...relation("m.replace", first),
        });
        await until(before, sdk.MatrixEventEvent.Replaced, "the edit", () => text(before) === "Good morning, all!");
        assert.equal(before.getOriginalContent().body, "Good morning!");
    });

    await step("react, once", async () => {
        const thumb = relation("m.annotation", first, { key: "👍" });
        const { event_id: reaction } = await bia.client.sendEvent(roomId, "m.reaction", thumb);
        await ana.sees(roomId, reaction);
        const counted = () =>
            ana.room(roomId).relations.getChildEventsForEvent(first, "m.annotation", "m.reaction")
                ?.getSortedAnnotationsByKey().map(([key, events]) => [key, events.size]);
        assert.deepEqual(counted(), [["👍", 1]]);
        assert.equal(await refusal(bia.client.sendEvent(roomId, "m.reaction", thumb)), "M_DUPLICATE_ANNOTATION");
        await bia.client.redactEvent(roomId, reaction);
        await until(ana.client, sdk.RoomEvent.Redaction, "it is taken back", () => counted().every(([, n]) => n === 0));
    });

    await step("reply", async () => {
        const reply = await bia.say(roomId, "And to you", { "m.relates_to": { "m.in_reply_to": { event_id: first } } });
        assert.equal((await ana.sees(roomId, reply)).replyEventId, first);
    });

    const unread = (person, type = sdk.NotificationCountType.Total) => person.room(roomId).getRoomUnreadNotificationCount(type);
    const counts = (person, total, highlight) =>
        until(person.room(roomId), sdk.RoomEvent.UnreadNotifications, `${person.name} has ${total}/${highlight} unread`, () =>
            unread(person) === total && unread(person, sdk.NotificationCountType.Highlight) === highlight,
        );

    await step("unread messages and mentions are counted, reading clears them", async () => {
        await ana.client.sendReadReceipt(await ana.sees(roomId, await ana.say(roomId, "from here")));
        await counts(ana, 0, 0);
        await bia.say(roomId, "one");
        await counts(ana, 1, 0);
        const last = await bia.say(roomId, "two, Ana", { "m.mentions": { user_ids: [ana.id] } });
        await counts(ana, 2, 1);
        await ana.client.sendReadReceipt(await ana.sees(roomId, last));
        await counts(ana, 0, 0);
    }, soon("org.matrix.msc3773"));

    await step("receipts: public ones are seen, private ones are not", async () => {
        const events = [];
        for (const body of ["read this", "and this"]) events.push(await bia.sees(roomId, await bia.say(roomId, body)));
        const [one, two] = await Promise.all(events.map((e) => ana.sees(roomId, e.getId())));
        const readers = (event) => bia.room(roomId).getUsersReadUpTo(event);
        await ana.client.sendReadReceipt(one);
        await until(bia.client, sdk.RoomEvent.Receipt, "the receipt", () => readers(events[0]).includes(ana.id));
        await ana.client.sendReadReceipt(two, sdk.ReceiptType.ReadPrivate);
        await ana.client.setRoomReadMarkers(roomId, two.getId());
        await until(ana.client, sdk.RoomEvent.AccountData, "the marker", () =>
            ana.room(roomId).getAccountData("m.fully_read")?.getContent().event_id === two.getId(),
        );
        await bia.sees(roomId, await ana.say(roomId, "read"));
        assert.deepEqual(readers(events[1]).includes(ana.id), false);
    });

    await step("a thread: both see it, with its length, apart from the room", async () => {
        const root = await ana.say(roomId, "Lunch?");
        await bia.sees(roomId, root);
        const inThread = (body) => bia.client.sendMessage(roomId, root, { msgtype: "m.text", body });
        const { event_id: answer } = await inThread("At noon");
        const thread = await until(ana.room(roomId), [sdk.ThreadEvent.New, sdk.ThreadEvent.Update], "the thread", () =>
            ana.room(roomId).getThread(root),
        );
        await inThread("At the corner");
        await until(thread, [sdk.ThreadEvent.NewReply, sdk.ThreadEvent.Update], "two answers", () =>
            thread.length === 2 && thread.replyToEvent && text(thread.replyToEvent) === "At the corner",
        );
        assert.equal((await ana.sees(roomId, answer)).threadRootId, root);
        assert.equal(ana.room(roomId).getLiveTimeline().getEvents().some((e) => e.getId() === answer), false);
        const { chunk } = await ana.client.createThreadListMessagesRequest(roomId, null, 10);
        assert.deepEqual(chunk.map((e) => [e.event_id, e.unsigned["m.relations"]["m.thread"].count]), [[root, 2]]);
        const related = await ana.client.relations(roomId, root, "m.thread", null, { dir: sdk.Direction.Forward });
        assert.deepEqual(related.events.map(text), ["At noon", "At the corner"]);
        if (!serves("org.matrix.msc3773")) return;
        const threadUnread = () => ana.room(roomId).getThreadUnreadNotificationCount(root, sdk.NotificationCountType.Total);
        await until(ana.room(roomId), sdk.RoomEvent.UnreadNotifications, "two unread in the thread", () => threadUnread() === 2);
        await ana.client.sendReadReceipt(thread.replyToEvent);
        await until(ana.room(roomId), sdk.RoomEvent.UnreadNotifications, "none unread", () => threadUnread() === 0);
    });

    await step("redact: gone for both", async () => {
        const wrong = await bia.say(roomId, "oops");
        const seen = await ana.sees(roomId, wrong);
        await bia.sees(roomId, wrong);
        await bia.client.redactEvent(roomId, wrong, undefined, { reason: "a slip" });
        await until(ana.client, sdk.RoomEvent.Redaction, "the redaction", () => seen.isRedacted());
        assert.equal(text(seen), undefined);
        assert.deepEqual((await ana.client.fetchRoomEvent(roomId, wrong)).content, {});
        assert.equal(await refusal(bia.client.redactEvent(roomId, first)), "M_FORBIDDEN");
    });

    await step("typing", async () => {
        const typing = () => ana.room(roomId).getMember(bia.id).typing;
        await bia.client.sendTyping(roomId, true, 20_000);
        await until(ana.client, sdk.RoomMemberEvent.Typing, "bia types", typing);
        await bia.client.sendTyping(roomId, false, 0);
        await until(ana.client, sdk.RoomMemberEvent.Typing, "bia has stopped", () => !typing());
    });

    await step("presence", async () => {
        // Each of bia's polls says that she is online; her words stay.
        const user = (check) => until(ana.client, [sdk.UserEvent.Presence, sdk.ClientEvent.Event], "bia's presence", () => check(ana.client.getUser(bia.id)));
        await bia.client.setPresence({ presence: "online", status_msg: "writing" });
        await user((u) => u?.presence === "online" && u.presenceStatusMsg === "writing");
        bia.client.setSyncPresence(sdk.SetPresence.Unavailable);
        await bia.client.setAccountData("com.example.counter", { n: 1 }); // lets her sync
        await user((u) => u.presence === "unavailable" && u.presenceStatusMsg === "writing");
    });

    await step("account data and tags reach one's other session", async () => {
        const phone = present(ana.again());
        await phone.logIn();
        await phone.start();
        await ana.client.setAccountData("com.example.colour", { colour: "blue" });
        await until(phone.client, sdk.ClientEvent.AccountData, "the colour", () =>
            phone.client.getAccountData("com.example.colour")?.getContent().colour === "blue",
        );
        await ana.client.setRoomTag(roomId, "m.favourite", { order: 0.5 });
        await until(phone.client, sdk.RoomEvent.Tags, "the tag", () => phone.room(roomId).tags["m.favourite"]?.order === 0.5);
        await ana.client.setIgnoredUsers(["@nobody:example.org"]);
        await until(phone.client, sdk.ClientEvent.AccountData, "who is ignored", () => phone.client.isUserIgnored("@nobody:example.org"));

        await ana.client.addPushRule("global", sdk.PushRuleKind.ContentSpecific, "lunch", { pattern: "lunch", actions: ["notify"] });
        const rule = (id) => phone.client.pushRules?.global.content?.find((r) => r.rule_id === id);
        await until(phone.client, sdk.ClientEvent.AccountData, "the push rule", () => rule("lunch")?.pattern === "lunch");
        await ana.client.setPushRuleEnabled("global", sdk.PushRuleKind.ContentSpecific, "lunch", false);
        await until(phone.client, sdk.ClientEvent.AccountData, "it is off", () => rule("lunch")?.enabled === false);
        await ana.client.deletePushRule("global", sdk.PushRuleKind.ContentSpecific, "lunch");
        await until(phone.client, sdk.ClientEvent.AccountData, "it is gone", () => !rule("lunch"));

        // A session that is ended from another one is told so by its poll.
        const ended = new Promise((resolve) => phone.client.once(sdk.HttpApiEvent.SessionLoggedOut, resolve));
        const { devices } = await ana.client.getDevices();
        assert.equal(devices.length, 2);
        await ana.confirm((auth) => ana.client.deleteDevice(phone.client.getDeviceId(), auth));
        assert.equal(ana.confirmed, 1);
        assert.equal((await ended).errcode, "M_UNKNOWN_TOKEN");
    });

    await step("a direct message: invited, accepted, left, forgotten", async () => {
        const { room_id: direct } = await ana.client.createRoom({
            is_direct: true,
            invite: [bia.id],
            preset: sdk.Preset.TrustedPrivateChat,
        });
        const invitation = await bia.knows(direct);
        assert.equal(invitation.getMyMembership(), "invite");
        assert.equal(invitation.getDMInviter(), ana.id);
        assert.equal(invitation.name, "Ana Souza");
        await bia.client.joinRoom(direct);
        await ana.knows(direct);
        const hello = await ana.say(direct, "Between us");
        assert.equal(text(await bia.sees(direct, hello)), "Between us");
        await bia.client.leave(direct);
        await until(ana.client, sdk.RoomMemberEvent.Membership, "bia leaves", () =>
            ana.room(direct).getMember(bia.id).membership === "leave",
        );
        await until(bia.client, sdk.RoomEvent.MyMembership, "it is left", () => bia.room(direct).getMyMembership() === "leave");
        await bia.client.forget(direct);
        assert.equal(bia.client.getRoom(direct), null);
    });

    await step("a new session reads back to the beginning, members are loaded when needed", async () => {
        const said = [];
        for (let n = 1; n <= 30; n++) said.push(await bia.say(roomId, `line ${n}`));
        await ana.sees(roomId, said.at(-1));
        const laptop = present(ana.again());
        await laptop.logIn();
        await laptop.start();
        const room = laptop.room(roomId);
        assert.ok(room.getLiveTimeline().getEvents().length <= 5);
        const timeline = room.getLiveTimeline();
        while (await laptop.client.paginateEventTimeline(timeline, { backwards: true, limit: 10 }));
        const events = timeline.getEvents();
        assert.equal(events[0].getType(), "m.room.create");
        assert.deepEqual(events.map(text).filter((body) => body?.startsWith("line ")), said.map((_, n) => `line ${n + 1}`));
        assert.equal(new Set(events.map((e) => e.getId())).size, events.length);
        assert.equal(text(room.findEventById(first)), "Good morning, all!", "the edit came with the event");
        await room.loadMembersIfNeeded();
        assert.deepEqual(room.getJoinedMembers().map((m) => m.userId).sort(), [ana.id, bia.id]);

        const around = await laptop.client.getEventTimeline(room.getUnfilteredTimelineSet(), said[14]);
        assert.ok(around.getEvents().some((e) => e.getId() === said[14]));
        const middle = room.findEventById(said[14]);
        const { event_id: nearest } = await laptop.client.timestampToEvent(roomId, middle.getTs(), sdk.Direction.Forward);
        assert.equal(laptop.room(roomId).findEventById(nearest).getTs(), middle.getTs());
        await laptop.client.logout(true);
        assert.equal(await refusal(laptop.client.whoami()), "M_UNKNOWN_TOKEN");
    });

    await step("search in messages", async () => {
        const found = await ana.client.searchRoomEvents({ term: "Lunch" });
        assert.equal(found.count, 1);
        assert.equal(text(found.results[0].context.getEvent()), "Lunch?");
    }, await soonAt("POST", "/_matrix/client/v3/search"));

    await step("a message for later, sent now", async () => {
        const later = (delay) => ana.client._unstable_sendDelayedEvent(roomId, { delay }, null, "m.room.message", { msgtype: "m.text", body: "later" });
        const { delay_id: dropped } = await later(600_000);
        await ana.client._unstable_cancelScheduledDelayedEvent(dropped);
        const { delay_id: kept } = await later(600_000);
        const seen = until(bia.client, sdk.RoomEvent.Timeline, "the message", (event) => event && text(event) === "later" && event);
        await ana.client._unstable_sendScheduledDelayedEvent(kept);
        assert.equal((await seen).getSender(), ana.id);
    }, soon("org.matrix.msc4140"));

    await step("find people", async () => {
        const { results } = await bia.client.searchUserDirectory({ term: "souza" });
        assert.deepEqual(results.map((r) => [r.user_id, r.display_name]), [[ana.id, "Ana Souza"]]);
    });

    await step("log out", async () => {
        await bia.client.logout(true);
        assert.equal(await refusal(bia.client.whoami()), "M_UNKNOWN_TOKEN");
        assert.equal((await ana.client.whoami()).user_id, ana.id);
    });

    await step("nothing was missing", () => assert.deepEqual([...missing], []));
});
