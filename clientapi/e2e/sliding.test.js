// Simplified sliding sync (MSC4186), as the SDK does it: a room list of which
// only the top is loaded, a room that is opened, and what the extensions bring.

import assert from "node:assert/strict";
import * as sdk from "matrix-js-sdk";
import { SlidingSync, SlidingSyncEvent, SlidingSyncState } from "matrix-js-sdk/lib/sliding-sync.js";
import { Person, baseUrl, missing, story, until } from "./person.js";

const text = (event) => event.getContent().body;

const shown = 5; // rooms in the part of the list that is loaded
const rooms = 12;
const lines = [...Array(10).keys()].map((n) => `line ${n}`); // in the room that is opened

story("sliding sync", async (step, present) => {
    const elis = present(await Person.register("elis"));
    const fabio = present(await Person.register("fabio"));
    const all = []; // IDs of the rooms, in the order in which something was said
    let sliding;
    let responses = 0;

    const response = (what, check) => until(sliding, SlidingSyncEvent.Lifecycle, what, check);

    // The SDK gathers what it wants, asks its extensions, and then sends what it has
    // gathered: a change in between is lost until it is told to send once more.
    const heard = (waiting) => {
        const again = setInterval(() => sliding.resend(), 1000);
        return waiting.finally(() => clearInterval(again));
    };

    await step("log in, with rooms in which something was said", async () => {
        for (const person of [elis, fabio]) await person.logIn();
        await fabio.start();
        for (let n = 0; n < rooms; n++) {
            const { room_id: roomId } = await fabio.client.createRoom({ name: `room ${n}`, preset: "public_chat" });
            await elis.client.joinRoom(roomId);
            await fabio.knows(roomId);
            await fabio.say(roomId, `in room ${n}`);
            all.push(roomId);
            if (n !== 3) continue;
            for (const line of lines) await fabio.say(roomId, line);
        }
        await elis.client.setRoomTag(all.at(-1), "m.favourite", { order: 0.1 });
    });

    await step("crypto is initialised, the first answer has the top of the list", async () => {
        await elis.client.initRustCrypto({ useIndexedDB: false });
        const list = {
            ranges: [[0, shown - 1]],
            timeline_limit: 1,
            required_state: [["m.room.create", ""], ["m.room.name", ""], ["m.room.member", "$ME"], ["m.room.member", "$LAZY"]],
        };
        const open = { timeline_limit: lines.length, required_state: [["*", "*"]] };
        sliding = new SlidingSync(baseUrl, new Map([["all", list]]), open, elis.client, 20_000);
        sliding.on(SlidingSyncEvent.Lifecycle, (state, answer) => state === SlidingSyncState.Complete && answer && responses++);
        await elis.start({ slidingSync: sliding });
        await response("the first answer", () => responses > 0);
        assert.equal(sliding.getListData("all").joinedCount, rooms);
        const known = elis.client.getRooms().map((room) => room.roomId);
        assert.deepEqual(known.sort(), all.slice(-shown).sort(), "the rooms where something was said last");
        const last = elis.room(all.at(-1));
        assert.equal(last.name, `room ${rooms - 1}`);
        assert.equal(last.getMyMembership(), "join");
        assert.equal(text(last.timeline.at(-1)), `in room ${rooms - 1}`);
        assert.equal(last.timeline.at(-1).sender.membership, "join", "its sender is known");
        assert.equal(last.tags["m.favourite"]?.order, 0.1);
        assert.ok(elis.client.pushRules.global.override.length > 0);
    });

    await step("keys are uploaded", async () => {
        const device = elis.client.getDeviceId();
        await until(elis.traffic, "answer", "elis's keys", async () => {
            const { device_keys: keys } = await fabio.client.downloadKeysForUsers([elis.id]);
            return keys[elis.id]?.[device];
        });
    });

    await step("a message arrives, and lifts its room into the list", async () => {
        const first = all[0];
        assert.equal(elis.client.getRoom(first), null);
        const eventId = await fabio.say(first, "up here");
        await until(elis.client, sdk.ClientEvent.Room, "the room", () => elis.client.getRoom(first));
        assert.equal(text(await elis.sees(first, eventId)), "up here");
    });

    await step("a longer range loads more rooms", async () => {
        sliding.setListRanges("all", [[0, rooms - 1]]);
        await heard(until(elis.client, sdk.ClientEvent.Room, "all rooms", () => elis.client.getRooms().length === rooms));
        assert.equal(new Set(elis.client.getRooms().map((room) => room.name)).size, rooms);
    });

    await step("a room that is opened has its timeline and state", async () => {
        const opened = all[3];
        const room = elis.room(opened);
        const told = () => room.getLiveTimeline().getEvents().map(text).filter((body) => body?.startsWith("line "));
        assert.deepEqual(told(), lines.slice(-1), "the list shows the last message alone");
        sliding.modifyRoomSubscriptions(new Set([opened]));
        await heard(until(elis.client, sdk.RoomEvent.Timeline, "the timeline", () => told().length === lines.length));
        assert.deepEqual(told(), lines);
        await until(elis.client, sdk.RoomStateEvent.Events, "all state", () =>
            room.currentState.getStateEvents("m.room.power_levels", ""),
        );
        const own = await elis.say(opened, "from me");
        await elis.sees(opened, own);
        await fabio.sees(opened, own);
        assert.equal(room.getLiveTimeline().getEvents().filter((e) => text(e) === "from me").length, 1);
    });

    await step("so has one of which all is told", async () => {
        const opened = all[5];
        const types = () => elis.room(opened).getLiveTimeline().getEvents().map((event) => event.getType());
        const before = types().length;
        sliding.modifyRoomSubscriptions(new Set([all[3], opened]));
        await heard(until(elis.client, sdk.RoomEvent.Timeline, "the beginning", () => types().length > before && types().includes("m.room.create")));
        const told = types();
        assert.equal(told[0], "m.room.create", "the timeline begins with the room");
        assert.equal(told.at(-1), "m.room.message", "and ends with what was said last");
        assert.equal(new Set(elis.room(opened).getLiveTimeline().getEvents().map((event) => event.getId())).size, told.length);
    });

    await step("receipts, typing, account data, messages between devices", async () => {
        const roomId = all[3];
        const last = fabio.room(roomId).timeline.at(-1);
        await fabio.client.sendReadReceipt(await fabio.sees(roomId, last.getId()));
        await until(elis.client, sdk.RoomEvent.Receipt, "the receipt", () =>
            elis.room(roomId).getEventReadUpTo(fabio.id) === last.getId(),
        );
        await fabio.client.sendTyping(roomId, true, 20_000);
        await until(elis.client, sdk.RoomMemberEvent.Typing, "fabio types", () => elis.room(roomId).getMember(fabio.id).typing);
        await elis.client.setAccountData("com.example.colour", { colour: "red" });
        assert.equal(elis.client.getAccountData("com.example.colour").getContent().colour, "red");
        const messages = [];
        elis.client.on(sdk.ClientEvent.ReceivedToDeviceMessage, ({ message }) => messages.push(message));
        await fabio.client.queueToDevice({
            eventType: "com.example.plain",
            batch: [{ userId: elis.id, deviceId: elis.client.getDeviceId(), payload: { n: 1 } }],
        });
        await until(elis.client, sdk.ClientEvent.ReceivedToDeviceMessage, "the message", () => messages.length > 0);
        await elis.client.setAccountData("com.example.colour", { colour: "green" });
        assert.deepEqual(messages.map((m) => [m.sender, m.type, m.content.n]), [[fabio.id, "com.example.plain", 1]]);
    });

    await step("an invitation", async () => {
        const { room_id: direct } = await fabio.client.createRoom({ is_direct: true, invite: [elis.id], preset: "trusted_private_chat" });
        const room = await elis.knows(direct);
        assert.equal(room.getMyMembership(), "invite");
        await elis.client.joinRoom(direct);
        await until(elis.client, sdk.RoomEvent.MyMembership, "it is joined", () => room.getMyMembership() === "join");
    });

    await step("nothing was missing", () => assert.deepEqual([...missing], []));
});
