// Signing in by OAuth 2.0, as Element does it by the SDK: what the server says of
// itself, a client that registers, a page in the browser, the code, the session, a
// refresh, and the end of it; and a device without a browser of its own.

import assert from "node:assert/strict";
import * as sdk from "matrix-js-sdk";
import { Person, baseUrl, story } from "./person.js";

const redirectUri = "https://app.example.com/done";

/** A browser, as far as pages with one form and cookies go. */
class Browser {
    #cookies = new Map();

    async open(url, form) {
        const answer = await fetch(new URL(url, baseUrl), {
            method: form ? "POST" : "GET",
            redirect: "manual",
            headers: { cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; ") },
            body: form && new URLSearchParams(form),
        });
        for (const cookie of answer.headers.getSetCookie()) {
            const [, name, value] = /^([^=]*)=([^;]*)/.exec(cookie);
            this.#cookies.set(name, value);
        }
        const to = answer.headers.get("location");
        // The client's own address is not here to be asked.
        if (to && new URL(to, baseUrl).origin === new URL(baseUrl).origin) return this.open(to);
        return { status: answer.status, to, page: await answer.text() };
    }

    /** Presses a button of a page's form. */
    press(page, button, typed = {}) {
        const [, action] = /<form method="post" action="([^"]*)">/.exec(page);
        const seal = /name="seal" value="([^"]*)"/.exec(page)?.[1];
        return this.open(action.replaceAll("&amp;", "&"), { do: button, ...(seal && { seal }), ...typed });
    }

    /** Signs a person in on a page, and gives the page on which they decide. */
    async signIn(page, person) {
        const { status, page: decision } = await this.press(page, "sign-in", { user: person.name, password: person.password });
        assert.equal(status, 200);
        assert.match(decision, /Storybook/, "the page names who asks");
        return decision;
    }
}

story("sign-in by OAuth 2.0", async (step, present) => {
    const gil = present(await Person.register("gil"));
    let metadata, clientId, oauth, tokens;

    const session = (accessToken, deviceId) => sdk.createClient({ baseUrl, accessToken, userId: "@gil:localhost", deviceId });

    await step("the server says how", async () => {
        metadata = await gil.client.getAuthMetadata();
        assert.ok(metadata.grant_types_supported.includes(sdk.OAuthGrantType.DeviceAuthorization));
    });

    await step("a client registers", async () => {
        clientId = await sdk.OAuth2.registerClient(metadata, {
            client_name: "Storybook",
            client_uri: "https://app.example.com/",
            redirect_uris: [redirectUri],
            application_type: "web",
        });
    });

    await step("a person lets it in, in the browser", async () => {
        oauth = new sdk.OAuth2(metadata, { clientId });
        const url = await oauth.generateAuthorizationCodeGrantUrl("the state", redirectUri);
        const browser = new Browser();
        const { page } = await browser.open(url);
        const { to } = await browser.press(await browser.signIn(page, gil), "allow");
        const back = new URL(to);
        const answer = new URLSearchParams(back.hash.slice(1));
        assert.equal(back.origin + back.pathname, redirectUri);
        assert.equal(answer.get("state"), "the state");
        tokens = await oauth.completeAuthorizationCodeGrant(answer.get("code"), redirectUri);
        assert.ok(tokens.refresh_token && tokens.expires_in > 0);
    });

    await step("the session is one like any other, with crypto", async () => {
        const client = session(tokens.access_token, oauth.context.deviceId);
        const who = await client.whoami();
        assert.equal(who.user_id, "@gil:localhost");
        assert.equal(who.device_id, oauth.context.deviceId);
        await client.initRustCrypto({ useIndexedDB: false });
        const { room_id: room } = await client.createRoom({ name: "by OAuth" });
        assert.ok((await client.sendMessage(room, { msgtype: "m.text", body: "hello" })).event_id);
        client.stopClient();
    });

    await step("it is refreshed, and ends", async () => {
        const next = await oauth.performRefreshTokenGrant(tokens.refresh_token);
        assert.notEqual(next.access_token, tokens.access_token);
        const client = session(next.access_token, oauth.context.deviceId);
        await client.whoami();
        await oauth.revokeToken(next.refresh_token, "refresh_token");
        await assert.rejects(client.whoami(), { errcode: "M_UNKNOWN_TOKEN" });
    });

    await step("a device without a browser is let in on another one", async () => {
        const device = new sdk.OAuth2(metadata, { clientId });
        const waiting = await device.startDeviceAuthorizationGrant();
        const browser = new Browser();
        const { page: entry } = await browser.open(waiting.verification_uri_complete);
        assert.match(entry, new RegExp(`value="${waiting.user_code}"`));
        const { page } = await browser.press(entry, "", { user_code: waiting.user_code });
        const decision = await browser.signIn(page, gil);
        await browser.press(decision, "allow");
        const got = await device.waitForDeviceAuthorizationGrant(waiting);
        assert.ok(got.access_token, JSON.stringify(got));
        const who = await session(got.access_token, device.context.deviceId).whoami();
        assert.equal(who.device_id, device.context.deviceId);
    });
});
