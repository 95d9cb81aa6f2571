// The page that signs people in for clients that cannot: its script, as it comes, with
// as much of a browser around it as it uses.

import assert from "node:assert/strict";
import vm from "node:vm";
import { Person, baseUrl, story, until } from "./person.js";
import { EventEmitter } from "node:events";

/** Opens the page with a query, and gives what it has and what it tells its client. */
async function open(query, answered = "matrixLogin") {
    const page = await (await fetch(`${baseUrl}/_matrix/static/client/login/${query}`)).text();
    const told = new EventEmitter();
    const onLogin = (session) => {
        told.session = session;
        told.emit("told");
    };
    const form = { user: {}, password: {}, addEventListener: (_, f) => (form.submit = () => f({ preventDefault() {} })) };
    const elements = { form, elsewhere: page.includes('id="elsewhere"') ? {} : null };
    elements.wrong = {
        set textContent(text) {
            told.wrong = text;
            told.emit("told");
        },
    };
    const window = answered === "matrixLogin" ? { matrixLogin: { onLogin } } : { onLogin };
    const location = new URL(`${baseUrl}/_matrix/static/client/login/${query}`);
    vm.runInNewContext(/<script>(.*)<\/script>/s.exec(page)[1], {
        window, URL, URLSearchParams, JSON, encodeURIComponent,
        location: { search: location.search, href: location.href },
        document: { getElementById: (id) => elements[id] },
        fetch: (path, init) => fetch(new URL(path, baseUrl), init),
    });
    return { form, told };
}

story("the page for signing in", async (step, present) => {
    const hugo = present(await Person.register("hugo"));

    await step("a password is asked for, and the client is told of the session", async () => {
        const { form, told } = await open("?device_id=HUGOSPHONE&initial_device_display_name=Phone");
        form.user.value = hugo.name;
        form.password.value = hugo.password;
        form.submit();
        await until(told, "told", "the session", () => told.session);
        assert.equal(told.session.device_id, "HUGOSPHONE");
        assert.ok(told.session.access_token);
    });

    await step("what is wrong is said", async () => {
        const { form, told } = await open("");
        form.user.value = hugo.name;
        form.password.value = "wrong";
        form.submit();
        await until(told, "told", "the sentence", () => told.wrong);
        assert.equal(told.session, undefined);
    });

    await step("a token that people come back with signs them in, for older clients too", async () => {
        await hugo.logIn();
        const { login_token: token } = await hugo.confirm((auth) => hugo.client.http.authedRequest(
            "POST", "/login/get_token", undefined, auth ? { auth } : {}, { prefix: "/_matrix/client/v1" },
        ));
        const { told } = await open(`?loginToken=${encodeURIComponent(token)}`, "onLogin");
        await until(told, "told", "the session", () => told.session);
        assert.equal(told.session.user_id, hugo.id);
    });
});
