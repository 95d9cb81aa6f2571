// What clients do for encryption: devices, cross-signing, secret storage, an
// encrypted room, key backup, and messages between devices.

import assert from "node:assert/strict";
import { ClientEvent, MatrixEventEvent } from "matrix-js-sdk";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { Person, missing, story, until } from "./person.js";

// The SDK lets chance decide how long it waits, up to 10 s, before it backs up
// new keys.
Math.random = () => 0.001;

const crypto = (person) => person.client.getCrypto();

const crossSign = (person, more) =>
    crypto(person).bootstrapCrossSigning({ authUploadDeviceSigningKeys: person.confirm, ...more });

/** The messages of a type that reach a device from now on. */
function inbox(person, type) {
    const messages = [];
    person.client.on(ClientEvent.ReceivedToDeviceMessage, (m) => m.message.type === type && messages.push(m));
    return messages;
}

const arrived = (person, messages) =>
    until(person.client, ClientEvent.ReceivedToDeviceMessage, `a message for ${person.name}`, () => messages[0]);

/** Lets a person sync a few times. */
async function syncs(person) {
    for (let n = 0; n < 3; n++) {
        await person.client.setAccountData("com.example.counter", { n });
    }
}

story("keys", async (step, present) => {
    const carla = present(await Person.register("carla"));
    const dario = present(await Person.register("dario"));

    await step("log in, initialise crypto, upload keys", async () => {
        for (const person of [carla, dario]) {
            await person.logIn();
            const uploaded = person.answered("POST", "/keys/upload");
            await person.client.initRustCrypto({ useIndexedDB: false });
            await person.start();
            assert.equal((await uploaded).body.one_time_key_counts.signed_curve25519, 50);
        }
    });

    await step("cross-signing: the first keys unconfirmed, further ones confirmed", async () => {
        for (const person of [carla, dario]) {
            await crossSign(person);
            assert.equal(person.confirmed, 0);
            assert.equal(await crypto(person).userHasCrossSigningKeys(), true);
        }
        const before = await crypto(carla).getCrossSigningKeyId();
        await crossSign(carla, { setupNewCrossSigning: true });
        assert.equal(carla.confirmed, 1);
        assert.notEqual(await crypto(carla).getCrossSigningKeyId(), before);
        assert.equal(await crypto(carla).isCrossSigningReady(), true);
    });

    await step("one's own device is signed by oneself", async () => {
        for (const { name, id, client } of [carla, dario]) {
            const status = () => client.getCrypto().getDeviceVerificationStatus(id, client.getDeviceId());
            await until(client, CryptoEvent.DevicesUpdated, `${name}'s device is signed`, async () =>
                (await status()).crossSigningVerified,
            );
        }
    });

    let backup;
    await step("secret storage and a key backup", async () => {
        assert.equal(await crypto(carla).checkKeyBackupAndEnable(), null);
        await crypto(carla).bootstrapSecretStorage({
            createSecretStorageKey: () => crypto(carla).createRecoveryKeyFromPassphrase(),
            setupNewKeyBackup: true,
        });
        assert.equal(await crypto(carla).isSecretStorageReady(), true);
        const found = await crypto(carla).checkKeyBackupAndEnable();
        assert.equal(found.trustInfo.trusted, true);
        backup = await crypto(carla).getActiveSessionBackupVersion();
        assert.equal(found.backupInfo.version, backup);
        assert.equal(await crypto(dario).checkKeyBackupAndEnable(), null, "nobody else has one");
    });

    let roomId;
    await step("an encrypted room", async () => {
        const { room_id } = await carla.client.createRoom({
            invite: [dario.id],
            preset: "private_chat",
            initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
        });
        roomId = room_id;
        await carla.knows(roomId);
        await dario.knows(roomId);
        await dario.client.joinRoom(roomId);
        await until(carla.client, "RoomMember.membership", "dario joins", () =>
            carla.room(roomId).getMember(dario.id)?.membership === "join",
        );
        await until(dario.client, ClientEvent.Sync, "dario knows that it is encrypted", () =>
            crypto(dario).isEncryptionEnabledInRoom(roomId),
        );
    });

    await step("a message in it, by a one-time key, backed up", async () => {
        const claimed = carla.answered("POST", "/keys/claim");
        const kept = carla.answered("PUT", "/room_keys/keys");
        const eventId = await carla.say(roomId, "between us");
        const read = await dario.sees(roomId, eventId);
        await until(read, MatrixEventEvent.Decrypted, "the clear text", () => read.getContent().body === "between us");
        assert.equal(read.getWireType(), "m.room.encrypted");
        assert.deepEqual(Object.keys((await claimed).body.one_time_keys[dario.id]), [dario.client.getDeviceId()]);
        assert.equal((await kept).body.count, 1);
    });

    await step("another device restores the keys from the backup", async () => {
        const device = present(carla.again());
        await device.logIn();
        await device.client.initRustCrypto({ useIndexedDB: false });
        await device.start();
        assert.equal(await crypto(device).userHasCrossSigningKeys(), true);
        await crypto(device).bootstrapCrossSigning({});
        await crypto(device).loadSessionBackupPrivateKeyFromSecretStorage();
        assert.deepEqual(await crypto(device).restoreKeyBackup(), { imported: 1, total: 1 });
    });

    await step("a message between devices, once", async () => {
        const messages = inbox(dario, "com.example.plain");
        await carla.client.queueToDevice({
            eventType: "com.example.plain",
            batch: [{ userId: dario.id, deviceId: dario.client.getDeviceId(), payload: { n: 1 } }],
        });
        const { message, encryptionInfo } = await arrived(dario, messages);
        assert.deepEqual([message.sender, message.content.n, encryptionInfo], [carla.id, 1, null]);
        // The next sync acknowledges it: it must not come again.
        await syncs(dario);
        assert.equal(messages.length, 1);
    });

    await step("an encrypted message between devices", async () => {
        const messages = inbox(dario, "com.example.secret");
        const to = [{ userId: dario.id, deviceId: dario.client.getDeviceId() }];
        await carla.client.queueToDevice(
            await crypto(carla).encryptToDeviceMessages("com.example.secret", to, { answer: 42 }),
        );
        const { message, encryptionInfo } = await arrived(dario, messages);
        assert.deepEqual([message.content.answer, encryptionInfo.sender], [42, carla.id]);
    });

    await step("one-time keys are uploaded when they are needed, not at each sync", async () => {
        const uploads = [];
        carla.traffic.on("answer", (a) => a.path.endsWith("/keys/upload") && uploads.push(a));
        const counts = [];
        carla.traffic.on("answer", (a) => a.path.endsWith("/sync") && counts.push(a.body));
        await syncs(carla);
        assert.ok(counts.length >= 3);
        for (const answer of counts) {
            assert.equal(answer.device_one_time_keys_count?.signed_curve25519, 50);
            assert.deepEqual(answer.device_unused_fallback_key_types, ["signed_curve25519"]);
        }
        assert.equal(uploads.length, 0);
    });

    await step("who takes a new identity is seen to have changed", async () => {
        const status = () => crypto(dario).getUserVerificationStatus(carla.id);
        assert.equal((await status()).needsUserApproval, false);
        await crossSign(carla, { setupNewCrossSigning: true });
        const events = [CryptoEvent.DevicesUpdated, CryptoEvent.UserTrustStatusChanged];
        await until(dario.client, events, "the warning", async () => (await status()).needsUserApproval);
    });

    await step("the key backup is deleted", async () => {
        await crypto(carla).deleteKeyBackupVersion(backup);
        assert.equal(await crypto(carla).getKeyBackupInfo(), null);
    });

    await step("nothing was missing", () => assert.deepEqual([...missing], []));
});
