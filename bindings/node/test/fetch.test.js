"use strict";

// What is createFetch()'s own: redirects, Request objects, bodies. clients.test.js has what all clients do.

const assert = require("node:assert/strict");
const test = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");
const { inspect } = require("node:util");

const { Auth, createFetch, Session } = require("tc-auth");

const { Server, UNAUTHORIZED } = require("./server.js");

const opened = [];
test.afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

async function serve(answer) {
    opened.push(await Server.start(answer));
    return opened.at(-1);
}

function authFor(server) {
    const auth = Auth.hmac("id", "key");
    auth.apiPath = `${server.url}/api`;
    return auth;
}

/** Refuses the first attempt of each request; the renewal gives another token. */
async function refusing() {
    const server = await serve(({ target, headers }) => {
        if (target.includes("expiredToken")) {
            return { body: '{"success":true,"apiToken":"b","apiTokenExpires":"4000000000"}' };
        }
        return headers.authorization === "TC-Token b" ? {} : { status: 401, body: UNAUTHORIZED };
    });
    const auth = Auth.token("API:5:a");
    auth.apiPath = `${server.url}/api`;
    return {
        server,
        fetch: createFetch(auth),
        sent: () => server.received.filter((one) => !one.target.includes("expired")),
    };
}

/** The requests that a redirect makes: method, target and body, and that each of them has a signature of its own. */
async function redirected(status, method, init = {}, location = "/api/to?x=1") {
    const server = await serve(({ target }) =>
        target.startsWith("/api/from")
            ? { status, headers: { Location: location, "Content-Length": 0 }, body: "" }
            : {},
    );
    const auth = authFor(server);
    const response = await createFetch(auth)(`${server.url}/api/from`, { method, ...init });
    for (const { method, target, headers } of server.received) {
        auth.verify(method, target, headers.authorization, headers.timestamp);
    }
    const requests = server.received.map(({ method, target, body }) => `${method} ${target} ${body}`.trim());
    return { response, requests, server };
}

test("redirects change the method and the body as fetch() does", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
        const { requests, response, server } = await redirected(status, "GET");
        assert.deepEqual(requests, ["GET /api/from", "GET /api/to?x=1"]);
        assert.equal(response.redirected, true);
        assert.equal(response.url, `${server.url}/api/to?x=1`);
        assert.equal(response.status, 200);

        const post = await redirected(status, "POST", { body: "text" });
        const again = status >= 307 ? "POST /api/to?x=1 text" : "GET /api/to?x=1";
        assert.deepEqual(post.requests, ["POST /api/from text", again], String(status));
        assert.equal(
            post.server.received[1].headers["content-type"],
            status >= 307 ? "text/plain;charset=UTF-8" : undefined,
        );

        const put = await redirected(status, "PUT", {
            body: "text",
            headers: { "Content-Type": "a/b", "X-Kept": "1" },
        });
        assert.deepEqual(put.requests[1], status === 303 ? "GET /api/to?x=1" : "PUT /api/to?x=1 text", String(status));
        assert.equal(put.server.received[1].headers["content-type"], status === 303 ? undefined : "a/b");
        assert.equal(put.server.received[1].headers["x-kept"], "1");

        const head = await redirected(status, "HEAD");
        assert.deepEqual(head.requests, ["HEAD /api/from", "HEAD /api/to?x=1"]);
    }
});

test("a redirect that can't be followed", async () => {
    const stream = () => new Blob(["text"]).stream();
    await assert.rejects(redirected(307, "POST", { body: stream(), duplex: "half" }), /can't be sent again/);
    const { requests } = await redirected(303, "POST", { body: stream(), duplex: "half" });
    assert.deepEqual(requests, ["POST /api/from text", "GET /api/to?x=1"]);
    await assert.rejects(redirected(302, "GET", {}, "http://["), /invalid redirect/);
    await assert.rejects(redirected(302, "GET", {}, "/api/from"), /too many redirects/);
    for (const other of [
        "http://other.example/api/to",
        "//other.example/",
        "data:,x",
        "ftp://127.0.0.1/",
        "https://user@127.0.0.1/",
    ]) {
        await assert.rejects(redirected(302, "GET", {}, other), { code: "OTHER_ORIGIN" }, other);
    }
});

test("the error for a redirect with a password does not show it", async () => {
    const server = await serve(({ headers }) => {
        const fields = { Location: `http://user:secret@${headers.host}/api/to`, "Content-Length": 0 };
        return { status: 302, headers: fields, body: "" };
    });
    const isSilent = (error) => error instanceof TypeError && !inspect(error).includes("secret");
    await assert.rejects(createFetch(authFor(server))(`${server.url}/api/from`), isSilent);
    assert.equal(server.received.length, 1);
});

test("twenty redirects are followed", async () => {
    const server = await serve(({ target }) => {
        const left = Number(target.split("/").at(-1));
        return left === 0 ? {} : { status: 302, headers: { Location: `${left - 1}`, "Content-Length": 0 }, body: "" };
    });
    const fetch = createFetch(authFor(server));
    assert.equal((await fetch(`${server.url}/api/20`)).status, 200);
    await assert.rejects(fetch(`${server.url}/api/21`), /too many redirects/);
});

test("the modes of redirects", async () => {
    const manual = await redirected(302, "GET", { redirect: "manual" });
    assert.deepEqual([manual.response.status, manual.response.redirected], [302, false]);
    assert.equal(manual.response.headers.get("location"), "/api/to?x=1");
    await assert.rejects(redirected(302, "GET", { redirect: "error" }), /unexpected redirect/);
    const server = await serve(() => ({ status: 302 }));
    assert.equal((await createFetch(authFor(server))(`${server.url}/api/x`)).status, 302, "without a Location");
});

test("the fragment is neither sent nor lost", async () => {
    const { server } = await redirected(302, "GET");
    assert.ok(server.received.every(({ target }) => !target.includes("#")));
    const fetch = createFetch(authFor(server));
    const { url } = await fetch(`${server.url}/api/from#part`);
    assert.equal(url, `${server.url}/api/to?x=1`);
});

test("a Request is sent with its own parts, and init replaces them", async () => {
    const server = await serve(() => ({}));
    const fetch = createFetch(authFor(server));
    const headers = { "X-One": "1", Authorization: "mine", Timestamp: "0" };
    const request = new Request(`${server.url}/api/x`, { method: "POST", body: "text", headers });
    await fetch(request);
    await fetch(new Request(`${server.url}/api/x`, { method: "PUT", body: "text" }), {
        body: "other",
        headers: { "X-Two": "2" },
    });
    await fetch(new Request(`${server.url}/api/x`, { headers }));
    const [one, two, three] = server.received;
    assert.deepEqual([one.method, String(one.body), one.headers["x-one"]], ["POST", "text", "1"]);
    assert.equal(one.headers["content-length"], "4", "not in chunks");
    assert.deepEqual([two.method, String(two.body), two.headers["x-two"]], ["PUT", "other", "2"]);
    assert.equal(three.method, "GET");
    for (const { fields } of server.received) {
        assert.equal(fields.authorization.length, 1);
        assert.match(fields.authorization[0], /^TC id:/);
        assert.notEqual(fields.timestamp[0], "0");
    }
});

test("each kind of body is sent again after a refusal, except those that can be read only once", async () => {
    const form = new FormData();
    form.set("field", "value");
    const bodies = {
        string: "value",
        bytes: Buffer.from("value"),
        view: new DataView(new TextEncoder().encode("value").buffer),
        buffer: new TextEncoder().encode("value").buffer,
        blob: new Blob(["value"]),
        parameters: new URLSearchParams({ field: "value" }),
        form,
    };
    for (const [name, body] of Object.entries(bodies)) {
        const { server, fetch, sent } = await refusing();
        const init = Object.freeze({ method: "POST", body });
        assert.equal((await fetch(`${server.url}/api/x`, init)).status, 200, name);
        const [first, second] = sent();
        for (const { body, headers } of [first, second]) {
            assert.ok(String(body).includes("value"), name);
            assert.equal(Number(headers["content-length"]), body.length);
            const boundary = /boundary=(.*)/.exec(headers["content-type"] ?? "")?.[1];
            assert.ok(
                boundary === undefined ? name !== "form" : body.includes(boundary),
                "the boundary of this attempt",
            );
        }
    }
    const stream = async function* () {
        yield Buffer.from("value");
    };
    for (const body of [ReadableStream.from(stream()), stream()]) {
        const { server, fetch, sent } = await refusing();
        const response = await fetch(`${server.url}/api/x`, { method: "POST", body, duplex: "half" });
        assert.deepEqual([response.status, await response.text(), sent().length], [401, UNAUTHORIZED, 1]);
    }
    const { server, fetch, sent } = await refusing();
    const response = await fetch(new Request(`${server.url}/api/x`, { method: "POST", body: "value" }));
    assert.deepEqual([response.status, sent().length], [401, 1], "the body of a Request is read when it is sent");
});

test("a Request without a body is sent again", async () => {
    const { server, fetch, sent } = await refusing();
    const response = await fetch(new Request(`${server.url}/api/x`, { method: "DELETE", headers: { "X-One": "1" } }));
    assert.deepEqual([response.status, sent().map((one) => one.headers["x-one"])], [200, ["1", "1"]]);
});

test("what fetch() refuses is refused, and causes no renewal", async () => {
    const server = await serve(() => ({}));
    const auth = Auth.token("API:5:a", 1);
    auth.apiPath = `${server.url}/api`;
    const fetch = createFetch(auth);
    const url = `${server.url}/api/x`;
    for (const [input, init] of [
        ["/api/x"],
        ["http://["],
        [url.replace("http://", "http://user:password@")],
        [url, { headers: { "bad name": "x" } }],
        [url, { headers: { Host: "other.example" } }],
        [url, { headers: { Host: `${server.url.slice(7)}/@other.example` } }],
        [url, { signal: AbortSignal.abort(new TypeError("enough")) }],
    ]) {
        await assert.rejects(
            fetch(input, init),
            (error) => error instanceof TypeError || ["OTHER_ORIGIN", "INVALID_URI_FORM"].includes(error.code),
            input,
        );
    }
    assert.equal(server.received.length, 0);
});

test("a method is signed and sent in upper case", async () => {
    const server = await serve(() => ({}));
    const fetch = createFetch(authFor(server));
    await fetch(`${server.url}/api/x`, { method: "patch", body: "x" });
    const [{ method, target, headers }] = server.received;
    assert.equal(method, "PATCH");
    authFor(server).verify(method, target, headers.authorization, headers.timestamp);
});

test("the options of the caller are not changed", async () => {
    const { response } = await redirected(
        303,
        "POST",
        Object.freeze({ body: "x", headers: Object.freeze({ a: "b" }) }),
    );
    assert.equal(response.status, 200);
});

test("an abort reaches the request", async () => {
    const server = await serve(() => sleep(10_000, {}, { ref: false }));
    const abort = new AbortController();
    const request = createFetch(authFor(server))(`${server.url}/api/x`, { signal: abort.signal });
    while (server.received.length === 0) {
        await sleep(5);
    }
    abort.abort(new Error("enough"));
    await assert.rejects(request, /enough/);
});

test("the global fetch is looked up when a request is sent", async (t) => {
    const server = await serve(() => ({}));
    const fetch = createFetch(authFor(server));
    const seen = [];
    t.mock.method(globalThis, "fetch", async (url) => {
        seen.push(url);
        return new Response("mocked");
    });
    assert.equal(await (await fetch(`${server.url}/api/x`)).text(), "mocked");
    assert.deepEqual(seen, [`${server.url}/api/x`]);
});

test("a Request as init: it has its body, its headers and its method", async () => {
    const server = await serve(() => ({}));
    const init = new Request("http://unused.example/", { method: "PUT", body: "b", headers: { "X-A": "1" } });
    await createFetch(authFor(server))(`${server.url}/api/x`, init);
    const [{ method, headers, body }] = server.received;
    assert.deepEqual([method, headers["x-a"], String(body)], ["PUT", "1", "b"]);
});

test("a URL that is none, and init that is null", async () => {
    const server = await serve(() => ({}));
    const fetch = createFetch(authFor(server));
    for (const url of ["/v3/x", "v3/x", "", "https://"]) {
        await assert.rejects(fetch(url), { code: "INVALID_URI_FORM", message: /auth\.url\(path\)/ }, url);
    }
    assert.equal((await fetch(`${server.url}/api`, null)).status, 200);
});

test("options that would do nothing are refused", async (t) => {
    const server = await serve(() => ({}));
    const auth = authFor(server);
    for (const [options, message] of [
        [{ onevent() {} }, 'options has no member "onevent": there are onEvent, renewal, shareIn, fetch'],
        [{ renewal: { ca: "" } }, 'renewal has no member "ca": there are tls, proxy, timeout'],
        [{ shareIn: { directory: "/", Key: "" } }, 'shareIn has no member "Key": there are directory, key'],
        [{ fetch: 1 }, "options.fetch must be a function, not number"],
        [{ onEvent: null }, "options.onEvent must be a function, not null"],
        [{ renewal: { tls: "" } }, "renewal.tls must be an object, not string"],
        [null, "options must be an object, not null"],
    ]) {
        assert.throws(() => createFetch(auth, options), { name: "TypeError", message });
    }
    assert.throws(() => createFetch(), { name: "TypeError", message: "auth must be an Auth, not undefined" });
    t.after(() => delete Object.prototype.fetch);
    Object.prototype.fetch = () => assert.fail("somebody else's function");
    const options = { fetch: undefined, onEvent: undefined, renewal: undefined, shareIn: undefined };
    assert.equal((await createFetch(auth, options)(`${server.url}/api`)).status, 200);
    assert.equal((await createFetch(auth)(`${server.url}/api`)).status, 200);
});

test("the error for an expired token says why it was not renewed", async () => {
    const auth = Auth.token("API:5:a", 1);
    auth.apiPath = "http://127.0.0.1:1/api";
    const message = /its renewal failed: ECONNREFUSED; the next attempt follows after a pause/;
    await assert.rejects(createFetch(auth)("http://127.0.0.1:1/api"), { code: "TOKEN_EXPIRED", message });

    const server = await serve(() => ({ status: 200, body: '{"success":false,"message":"no such app"}' }));
    const refused = Auth.token("API:5:a", 1);
    refused.apiPath = `${server.url}/api`;
    const reason = /the server refused to renew it: RENEWAL_REFUSED, no such app/;
    await assert.rejects(createFetch(refused)(`${server.url}/api`), { code: "TOKEN_EXPIRED", message: reason });
    // Another one did not see the refusal.
    const bare = /the server refused to renew it\)/;
    await assert.rejects(createFetch(refused)(`${server.url}/api`), { code: "TOKEN_EXPIRED", message: bare });
});

test("a token that expires between ready() and sign() is renewed", async () => {
    const server = await serve(() => ({ body: '{"success":true,"apiToken":"b","apiTokenExpires":"4000000000"}' }));
    const expires = Math.floor(Date.now() / 1000) + 1;
    const auth = Auth.token("API:5:a", expires);
    auth.apiPath = `${server.url}/api`;
    auth.renewalWindow = 0;
    const session = new Session(auth);
    const ready = session.ready.bind(session);
    session.ready = async (signal) => {
        await ready(signal);
        await sleep(expires * 1000 + 100 - Date.now()); // as on a busy machine
    };
    const signed = await session.authorize("GET", auth.url());
    assert.equal(signed.headers.authorization, "TC-Token b");
    assert.equal(server.received.length, 1);
});
