// What the scripts share: people, each with a client of the SDK, and how to wait.
//
// A script gets the server's address as its one argument. The server has open
// registration; each script makes people of its own.

import { EventEmitter } from "node:events";
import { test } from "node:test";
import * as sdk from "matrix-js-sdk";

export const baseUrl = process.argv[2];
if (!baseUrl) {
    console.error("usage: node SCRIPT http://127.0.0.1:8008");
    process.exit(2);
}

// What the SDK says goes to the output only if VERBOSE is set.
const quiet = !process.env.VERBOSE;
const silence = { trace() {}, debug() {}, info() {}, log() {}, warn() {}, error() {}, getChild: () => silence };
if (quiet) Object.assign(console, silence); // some of its parts have loggers of their own

// What one thing may take to happen, in ms: a limit, nothing waits that long.
const patience = 30_000;

/** Everything that any client has been refused as unknown, or by a bug. */
export const missing = new Set();

// What clients ask that is not for this server.
const notOurs = [
    "/org.matrix.msc4143/rtc/transports", // calls between several
];

/** What /versions says. */
export const server = await (await fetch(`${baseUrl}/_matrix/client/versions`)).json();

/** Whether the server serves an unstable feature. */
export const serves = (feature) => server.unstable_features?.[feature] === true;

/**
 * Waits until check gives something (or a promise of it), which it is asked now
 * and at each of the events. The events may be one name or several.
 */
export function until(emitter, events, what, check) {
    return new Promise((resolve, reject) => {
        const names = [events].flat();
        const end = (settle, value) => {
            clearTimeout(overdue);
            for (const name of names) emitter.off(name, look);
            settle(value);
        };
        const look = async (...args) => {
            try {
                const found = await check(...args);
                if (found) end(resolve, found);
            } catch (e) {
                end(reject, e);
            }
        };
        const overdue = setTimeout(() => end(reject, new Error(`waited in vain for ${what}`)), patience);
        for (const name of names) emitter.on(name, look);
        look();
    });
}

/** A user with one client, and everything that it asked. */
export class Person {
    /** Answers of the server: "answer" with method, path, status and body. */
    traffic = new EventEmitter();
    /** How often confirming who one is was asked for. */
    confirmed = 0;

    // What the user knows by heart: the keys of their secret storage.
    #secrets;

    constructor(name, password, secrets = new Map()) {
        this.name = name;
        this.password = password;
        this.#secrets = secrets;
        this.client = this.#newClient({});
    }

    static async register(name) {
        const person = new Person(name, `correct horse ${name}`);
        await person.client.registerRequest({
            username: name,
            password: person.password,
            inhibit_login: true,
            auth: { type: "m.login.dummy" },
        });
        return person;
    }

    get id() {
        return this.client.getSafeUserId();
    }

    get serverName() {
        return this.id.slice(this.id.indexOf(":") + 1);
    }

    get identifier() {
        return { type: "m.id.user", user: this.name };
    }

    async logIn() {
        const session = await this.client.loginRequest({
            type: "m.login.password",
            identifier: this.identifier,
            password: this.password,
            initial_device_display_name: "end-to-end test",
        });
        this.client = this.#newClient({
            userId: session.user_id,
            deviceId: session.device_id,
            accessToken: session.access_token,
        });
        return session;
    }

    /** Starts the long polls, and waits until the first answer has been read. */
    async start(options = {}) {
        await this.client.startClient({ lazyLoadMembers: true, threadSupport: true, initialSyncLimit: 5, ...options });
        await until(this.client, sdk.ClientEvent.Sync, "the first sync", () =>
            [sdk.SyncState.Prepared, sdk.SyncState.Syncing].includes(this.client.getSyncState()),
        );
    }

    /** Another session of the same user. */
    again() {
        return new Person(this.name, this.password, this.#secrets);
    }

    /** Answers what an endpoint asks before it does what matters (UIA). */
    confirm = async (ask) => {
        try {
            return await ask(null);
        } catch (e) {
            if (e.httpStatus !== 401 || !e.data?.flows) throw e;
            this.confirmed++;
            return await ask({
                type: "m.login.password",
                identifier: this.identifier,
                password: this.password,
                session: e.data.session,
            });
        }
    };

    room(roomId) {
        const room = this.client.getRoom(roomId);
        if (!room) throw new Error(`${this.name} does not know ${roomId}`);
        return room;
    }

    /** Waits until this client knows a room. */
    knows(roomId) {
        return until(this.client, sdk.ClientEvent.Room, `${this.name} knows the room`, () => this.client.getRoom(roomId));
    }

    /** Waits until an event has arrived by sync, in any timeline. */
    sees(roomId, eventId) {
        return until(
            this.client,
            [sdk.RoomEvent.Timeline, sdk.RoomEvent.LocalEchoUpdated],
            `${this.name} sees ${eventId}`,
            () => {
                const event = this.client.getRoom(roomId)?.findEventById(eventId);
                return event?.status === null && event; // else it is only what was sent
            },
        );
    }

    /** Waits until the server has answered a request with a 200. */
    answered(method, path) {
        return until(
            this.traffic,
            "answer",
            `${this.name}: ${method} ${path}`,
            (a) => a?.method === method && a.path.endsWith(path) && a.status === 200 && a,
        );
    }

    say(roomId, body, more = {}) {
        return this.client.sendMessage(roomId, { msgtype: "m.text", body, ...more }).then((sent) => sent.event_id);
    }

    stop() {
        this.client.stopClient();
    }

    #newClient(session) {
        return sdk.createClient({
            baseUrl,
            timelineSupport: true,
            fetchFn: (resource, init) => this.#fetch(resource, init),
            ...(quiet && { logger: silence }),
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => {
                    const keyId = Object.keys(keys).find((id) => this.#secrets.has(id));
                    return keyId ? [keyId, this.#secrets.get(keyId)] : null;
                },
                cacheSecretStorageKey: (keyId, _, key) => this.#secrets.set(keyId, key),
            },
            ...session,
        });
    }

    async #fetch(resource, init) {
        const method = init?.method ?? "GET";
        const { pathname } = new URL(resource);
        const sends = method === "PUT" && pathname.includes("/send/");
        if (sends) this.#sending++;
        try {
            const answer = await fetch(resource, init);
            await this.#note(method, pathname, answer.clone());
            if (pathname.endsWith("/sync")) {
                await until(this.traffic, "sent", "what is being sent", () => this.#sending === 0);
            }
            return answer;
        } catch (e) {
            // Cut off by the SDK itself, which stops: some of its background requests
            // have nobody to catch that.
            if (e?.name === "AbortError" && init?.signal?.aborted) return new Promise(() => {});
            throw e;
        } finally {
            if (sends) {
                setImmediate(() => {
                    this.#sending--;
                    this.traffic.emit("sent");
                });
            }
        }
    }

    // How many messages are on their way. A poll's answer waits for them: when it
    // brings the first answer in a thread before the request that sent it is
    // answered, the SDK takes the sending for failed.
    #sending = 0;

    async #note(method, path, answer) {
        const body = await answer.json().catch(() => null);
        const refused = body?.errcode === "M_UNRECOGNIZED" && !notOurs.some((end) => path.endsWith(end));
        if (refused || answer.status >= 500) missing.add(`${method} ${path} ${answer.status} ${body?.errcode}`);
        if (!quiet) process.stderr.write(`${this.name}: ${method} ${path} ${answer.status}\n`);
        this.traffic.emit("answer", { method, path, status: answer.status, body });
    }
}

/**
 * Runs a story: steps in their order, each built on those before. After the
 * first that fails the others are not tried.
 */
export function story(name, tell) {
    test(name, async (t) => {
        let failed = false;
        const people = [];
        const step = (title, act, unless = false) =>
            t.test(title, { skip: failed ? "an earlier step failed" : unless }, async () => {
                try {
                    await act();
                } catch (e) {
                    failed = true;
                    throw e;
                }
            });
        try {
            await tell(step, (person) => (people.push(person), person));
        } finally {
            for (const person of people) person.stop();
        }
    });
}

/** The word why a step is left out, or false: for step's last argument. */
export const soon = (feature) => !serves(feature) && `the server does not serve ${feature} yet`;

/** The same for an endpoint that no feature names. */
export async function soonAt(method, path) {
    const { errcode } = await fetch(baseUrl + path, { method }).then((answer) => answer.json());
    return errcode === "M_UNRECOGNIZED" && `the server does not serve ${path} yet`;
}
