"use strict";

// tc-auth/undici: what is undici's own. clients.test.js has what all clients share.

const assert = require("node:assert/strict");
const { once } = require("node:events");
const http = require("node:http");
const { Writable } = require("node:stream");
const { pipeline } = require("node:stream/promises");
const { test } = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");

const undici = require("undici");

const { Auth, TcAuthError } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");
const { tcAuth } = require("tc-auth/undici");

const { Raw, Server, UNAUTHORIZED } = require("./server.js");

const { Agent, interceptors, request } = undici;
const hasCode = (code) => (error) => error instanceof TcAuthError && error.code === code;

/** Runs a test with a fake platform and an Agent. */
function withPlatform(title, run) {
    test(title, { timeout: 60_000 }, async () => {
        const platform = await FakePlatform.start();
        const agent = new Agent();
        try {
            await run(platform, agent, platform.apiPath + "/v3/x");
        } finally {
            await agent.destroy();
            await platform.close();
        }
    });
}

async function withServer(answer, run) {
    const server = await Server.start(answer);
    const agent = new Agent();
    try {
        const auth = Auth.token("API:5:a=");
        auth.apiPath = server.url + "/api";
        await run(server, agent, auth, server.url + "/api/v3/x");
    } finally {
        await agent.destroy();
        await server.close();
    }
}

// --- the order of interceptors

const redirecting = ({ target }) => (target === "/api/v3/x" ? { status: 302, headers: { Location: "/api/new" } } : {});

test("redirect() after tcAuth(): each redirect is signed", () =>
    withServer(redirecting, async (server, agent, auth, url) => {
        const dispatcher = agent.compose(tcAuth(auth), interceptors.redirect({ maxRedirections: 5 }));
        const { statusCode, context } = await request(url, { dispatcher });
        assert.equal(statusCode, 200);
        assert.deepEqual(context.history.map(String), [url, server.url + "/api/new"]);
        assert.deepEqual(server.targets(), ["/api/v3/x", "/api/new"]);
    }));

test("redirect() before tcAuth(): a redirect fails, and is not sent", () =>
    withServer(redirecting, async (server, agent, auth, url) => {
        const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }), tcAuth(auth));
        await assert.rejects(request(url, { dispatcher }), /must come after tcAuth\(\)/);
        assert.deepEqual(server.targets(), ["/api/v3/x"]);
        assert.equal((await request(server.url + "/api/new", { dispatcher })).statusCode, 200);
    }));

test("no redirect(): the caller gets the redirect", () =>
    withServer(redirecting, async (server, agent, auth, url) => {
        assert.equal((await request(url, { dispatcher: agent.compose(tcAuth(auth)) })).statusCode, 302);
        assert.deepEqual(server.targets(), ["/api/v3/x"]);
    }));

withPlatform("retry() after tcAuth(): each repetition is signed anew", async (platform, agent, url) => {
    const signatures = [];
    const auth = platform.hmacAuth();
    const unavailable = (received) => {
        signatures.push(received.headers.get("timestamp"));
        auth.clockOffset += 1;
        return {};
    };
    platform.answer("GET", "/v3/x", unavailable, 503);
    const retry = interceptors.retry({ maxRetries: 2, minTimeout: 1, throwOnError: false });
    await request(url, { dispatcher: agent.compose(tcAuth(auth), retry) });
    assert.equal(new Set(signatures).size, 3);
    assert.deepEqual(platform.refused, []);
});

withPlatform("a handler that takes no data gets the end of a refusal", async (platform, agent) => {
    platform.answer("GET", "/v3/x", {}, 401);
    const options = { origin: platform.url, path: "/api/v3/x", method: "GET" };
    const dispatcher = agent.compose(tcAuth(platform.hmacAuth()));
    await new Promise((resolve, reject) => {
        const onResponseError = (_, error) => reject(error);
        dispatcher.dispatch(options, { onRequestStart() {}, onResponseEnd: resolve, onResponseError });
    });
});

for (const status of [503, 401]) {
    withPlatform(`a handler that throws at the end of a ${status} is told so`, async (platform, agent) => {
        platform.answer("GET", "/v3/x", {}, status);
        const options = { origin: platform.url, path: "/api/v3/x", method: "GET" };
        const dispatcher = agent.compose(tcAuth(platform.hmacAuth()));
        const error = await new Promise((resolve) => {
            const onResponseEnd = () => {
                throw new Error("mine");
            };
            const onResponseError = (_, error) => resolve(error);
            dispatcher.dispatch(options, { onRequestStart() {}, onResponseEnd, onResponseError });
        });
        assert.equal(error.message, "mine");
    });
}

withPlatform("retry() with its own settings: what failed is repeated", async (platform, agent, url) => {
    let requests = 0;
    platform.answer("GET", "/v3/x", () => (requests += 1), 503);
    const dispatcher = agent.compose(tcAuth(platform.hmacAuth()), interceptors.retry({ maxRetries: 2, minTimeout: 1 }));
    await assert.rejects(request(url, { dispatcher }), { code: "UND_ERR_REQ_RETRY", statusCode: 503 });
    assert.equal(requests, 3);
});

withPlatform("retry() does not repeat what tcAuth() refuses", async (platform, agent) => {
    const dispatcher = agent.compose(tcAuth(platform.hmacAuth()), interceptors.retry({ minTimeout: 1 }));
    const started = performance.now();
    await assert.rejects(request("http://127.0.0.1:9/", { dispatcher }), hasCode("OTHER_ORIGIN"));
    assert.ok(performance.now() - started < 400);
});

withPlatform("an interceptor outside of tcAuth() does not see the headers", async (platform, agent, url) => {
    const seen = [];
    const spy = (dispatch) => (options, handler) => {
        seen.push(options);
        return dispatch(options, handler);
    };
    const dispatcher = agent.compose(tcAuth(platform.tokenAuth()), spy);
    const headers = { "x-mine": "1" };
    assert.equal((await request(url, { dispatcher, headers })).statusCode, 200);
    assert.deepEqual([seen.length, seen[0].headers], [1, { "x-mine": "1" }]);
    assert.deepEqual(headers, { "x-mine": "1" });
});

withPlatform("responseError() after tcAuth(): a refusal is an error of undici", async (platform, agent, url) => {
    const auth = platform.tokenAuth();
    platform.answer("GET", "/v3/x", { message: "Access Denied" }, 403);
    const happened = [];
    const dispatcher = agent.compose(
        tcAuth(auth, { onEvent: (event) => happened.push(event) }),
        interceptors.responseError(),
    );
    await assert.rejects(request(url, { dispatcher }), { code: "UND_ERR_RESPONSE", statusCode: 403 });
    assert.deepEqual(
        happened.map(({ type, advice }) => [type, advice]),
        [["refused", "ACCESS_DENIED"]],
    );
});

// --- the options of a request

withPlatform("the query is signed as undici writes it", async (platform, agent, url) => {
    const targets = [];
    const spy = (dispatch) => (options, handler) => {
        targets.push(options.path);
        return dispatch(options, handler);
    };
    const dispatcher = agent.compose(spy, tcAuth(platform.hmacAuth()));
    for (const [query, expected] of [
        [
            { a: "é /?&%2f", b: ["1", "2"] },
            { a: ["é /?&%2f"], b: ["1", "2"] },
        ],
        [
            { a: 1, b: true, c: null, d: undefined, e: NaN },
            { a: ["1"], b: ["true"], c: [""], d: [""], e: [""] },
        ],
        [{}, {}],
    ]) {
        assert.equal((await request(url, { dispatcher, query })).statusCode, 200);
        const { query: received } = platform.requests.at(-1);
        assert.deepEqual({ ...received }, expected);
        // As without this package.
        let target;
        const answer = http.createServer((incoming, response) => {
            target = incoming.url;
            response.end();
        });
        await once(answer.listen(0), "listening");
        await request(`http://localhost:${answer.address().port}/api/v3/x`, { query, dispatcher: agent });
        answer.close().closeAllConnections();
        assert.equal(targets.at(-1), target);
    }
    await assert.rejects(request(url + "?a=b", { dispatcher, query: { c: "d" } }), /query/i);
    assert.deepEqual(platform.refused, []);
});

withPlatform("each form of headers", async (platform, agent, url) => {
    const dispatcher = agent.compose(tcAuth(platform.hmacAuth()));
    const pairs = [
        ["x-one", "1"],
        ["Authorization", "mine"],
        ["X-Two", "2"],
        ["timestamp", "1"],
    ];
    for (const headers of [
        pairs.flat(),
        new Map(pairs),
        new Headers(pairs),
        Object.fromEntries(pairs),
        { "x-one": "1", "x-none": undefined, "X-TWO": ["2"], AUTHORIZATION: ["mine"] },
    ]) {
        assert.equal((await request(url, { dispatcher, headers })).statusCode, 200);
        const received = platform.requests.at(-1).headers;
        assert.deepEqual([received.get("x-one"), received.get("x-two")], ["1", "2"]);
    }
    await request(url, { dispatcher, headers: ["x-two", "1", "x-two", "2", Buffer.from("x-three"), "3"] });
    const received = platform.requests.at(-1).headers;
    assert.deepEqual([received.get("x-two"), received.get("x-three")], ["1, 2", "3"]);
    assert.deepEqual(platform.refused, []);
});

withPlatform("a request without an origin is refused, and so is a Host header of another server", async (platform) => {
    const pool = new undici.Pool(platform.url);
    const dispatcher = pool.compose(tcAuth(platform.hmacAuth()));
    const path = "/api/v3/x";
    const without = dispatcher.request({ method: "GET", path });
    if (require("undici/package.json").version.startsWith("7.")) {
        await assert.rejects(without, /has no origin/);
    } else {
        assert.equal((await without).statusCode, 200); // undici adds it
        platform.requests.pop();
    }
    assert.equal((await dispatcher.request({ origin: platform.url, method: "GET", path })).statusCode, 200);
    assert.equal((await dispatcher.request({ origin: new URL(platform.url), method: "get", path })).statusCode, 200);
    const headers = ["HOST", "other.example"];
    const other = dispatcher.request({ origin: platform.url, method: "GET", path, headers });
    await assert.rejects(other, hasCode("OTHER_ORIGIN"));
    // A proxy could be asked for another server in this way.
    const absolute = dispatcher.request({ origin: platform.url, method: "GET", path: "http://other.example/" });
    await assert.rejects(absolute, hasCode("OTHER_ORIGIN"));
    const elsewhere = dispatcher.request({ origin: "http://other.example", method: "GET", path: platform.url + path });
    await assert.rejects(elsewhere, hasCode("OTHER_ORIGIN"));
    assert.deepEqual([platform.requests.length, platform.refused], [2, []]);
    await pool.destroy();
});

// --- the ways to send

/** 1 MB that is refused. */
const denied = Buffer.alloc(1_000_000, "x");

withPlatform("stream() and pipeline(), with a slow reader", async (platform, agent, url) => {
    platform.answer("GET", "/v3/x", denied, 403);
    const dispatcher = agent.compose(tcAuth(platform.hmacAuth()));
    const slow = (parts) =>
        new Writable({
            highWaterMark: 1000,
            write(part, _, done) {
                parts.push(part);
                setTimeout(done, 1);
            },
        });
    let parts = [];
    await undici.stream(url, { dispatcher, method: "GET" }, ({ statusCode }) => {
        assert.equal(statusCode, 403);
        return slow(parts);
    });
    assert.ok(Buffer.concat(parts).equals(denied));
    parts = [];
    const duplex = undici.pipeline(url, { dispatcher, method: "GET" }, ({ body }) => body);
    duplex.end();
    await pipeline(duplex, slow(parts));
    assert.ok(Buffer.concat(parts).equals(denied));
});

withPlatform("a reader that stops for a while gets all of a refusal", async (platform, agent, url) => {
    platform.answer("GET", "/v3/x", denied, 403);
    const { body } = await request(url, { dispatcher: agent.compose(tcAuth(platform.hmacAuth())) });
    await sleep(200);
    let size = 0;
    for await (const part of body) {
        size += part.length;
        await sleep(1);
    }
    assert.equal(size, denied.length);
});

test("a handler that pauses and resumes within a call gets all of a refusal in many small parts", async () => {
    const chunks = "1\r\nx\r\n".repeat(20_000);
    const head = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
    const server = await Raw.start(`${head}${chunks}0\r\n\r\n`);
    const agent = new Agent();
    const auth = Auth.hmac("1", "key");
    auth.apiPath = server.url;
    const calls = [];
    let size = 0;
    await new Promise((resolve, reject) => {
        agent.compose(tcAuth(auth)).dispatch(
            { origin: server.url, path: "/x", method: "GET" },
            {
                onRequestStart: () => calls.push("request"),
                onResponseStart: (_, status) => calls.push(status),
                onResponseData(controller, part) {
                    size += part.length;
                    controller.pause();
                    controller.resume();
                },
                onResponseEnd() {
                    calls.push("end");
                    setTimeout(resolve, 50);
                },
                onResponseError: (_, error) => reject(error),
            },
        );
    });
    await agent.destroy();
    await server.close();
    assert.deepEqual([calls, size], [["request", 403, "end"], 20_000]);
});

test("a long refusal is reviewed before it ends", () =>
    withServer(
        () => ({ status: 403, body: denied.subarray(0, 100_000), ends: false }),
        async (server, agent, auth, url) => {
            const started = performance.now();
            const { body } = await request(url, { dispatcher: agent.compose(tcAuth(auth)) });
            assert.ok(performance.now() - started < 5000);
            body.on("error", () => {}).destroy();
        },
    ));

withPlatform("the callback of request(), and an abort with an EventEmitter", async (platform, agent, url) => {
    const dispatcher = agent.compose(tcAuth(platform.hmacAuth()));
    const answer = await new Promise((resolve, reject) => {
        undici.request(url, { dispatcher }).then(resolve, reject);
    });
    assert.equal(answer.statusCode, 200);
    const [error] = await new Promise((resolve) =>
        dispatcher.request({ origin: "http://127.0.0.1:9", path: "/", method: "GET" }, (...values) => resolve(values)),
    );
    assert.ok(hasCode("OTHER_ORIGIN")(error));
    const emitter = new (require("node:events"))();
    const aborted = request(url, { dispatcher, signal: emitter });
    emitter.emit("abort");
    await assert.rejects(aborted, { name: "AbortError" });
});

test("an upgrade is signed", async () => {
    const server = http.createServer();
    let authorization;
    server.on("upgrade", (incoming, socket) => {
        authorization = incoming.headers.authorization;
        socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${server.address().port}`;
    const auth = Auth.token("a");
    auth.apiPath = url + "/api";
    const agent = new Agent();
    const { socket } = await undici.upgrade(url + "/api/x", {
        dispatcher: agent.compose(tcAuth(auth)),
        protocol: "echo",
    });
    let text = "";
    for await (const part of socket) {
        text += part;
    }
    assert.deepEqual([authorization, text], ["TC-Token a", "hello"]);
    await agent.destroy();
    server.close();
});

withPlatform("the fetch of Node.js, with the global dispatcher", async (platform, agent, url) => {
    const before = undici.getGlobalDispatcher();
    const auth = platform.tokenAuth();
    undici.setGlobalDispatcher(agent.compose(tcAuth(auth), interceptors.redirect({ maxRedirections: 5 })));
    try {
        assert.equal((await fetch(url)).status, 200);
        platform.expireTokens();
        assert.equal((await fetch(url)).status, 200); // renewed, and sent again
        const error = await fetch("http://other.example/").catch((thrown) => thrown.cause);
        assert.ok(hasCode("OTHER_ORIGIN")(error));
        // What the platform says: the renewal is not sent through the dispatcher.
        assert.deepEqual([platform.requests.length, platform.renewals], [2, 1]);
    } finally {
        undici.setGlobalDispatcher(before);
    }
});

withPlatform("with a MockAgent", async (platform) => {
    const mock = new undici.MockAgent();
    mock.disableNetConnect();
    const seen = [];
    mock.get(platform.url)
        .intercept({ path: "/api/v3/x" })
        .reply(200, ({ headers }) => {
            seen.push(Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization")[1]);
            return "mocked";
        });
    const { body } = await request(platform.apiPath + "/v3/x", {
        dispatcher: mock.compose(tcAuth(platform.hmacAuth())),
    });
    assert.equal(await body.text(), "mocked");
    assert.match(seen[0], /^TC [0-9]+:/);
    await mock.close();
});

test("through a proxy", async () => {
    const platform = await FakePlatform.start();
    const targets = [];
    const proxy = http.createServer((incoming, response) => {
        targets.push(incoming.url);
        const { pathname, search } = new URL(incoming.url, platform.url);
        const { method, headers } = incoming;
        const onward = http.request(platform.url + pathname + search, { method, headers }, (answer) => {
            response.writeHead(answer.statusCode, answer.headers);
            answer.pipe(response);
        });
        incoming.pipe(onward);
    });
    proxy.on("connect", (incoming, socket) => {
        targets.push(incoming.url);
        const [host, port] = incoming.url.split(":");
        const onward = require("node:net").connect(port, host, () => {
            socket.write("HTTP/1.1 200 Connected\r\n\r\n");
            socket.pipe(onward).pipe(socket);
        });
        onward.on("error", () => socket.destroy());
        socket.on("error", () => onward.destroy());
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    const uri = `http://127.0.0.1:${proxy.address().port}`;
    for (const proxyTunnel of [true, false]) {
        const agent = new undici.ProxyAgent({ uri, proxyTunnel });
        const auth = platform.tokenAuth();
        platform.expireTokens();
        const dispatcher = agent.compose(tcAuth(auth, { renewal: { proxy: uri } }));
        targets.length = 0;
        assert.equal((await request(platform.apiPath + "/v3/x?a=%2f", { dispatcher })).statusCode, 200);
        assert.ok(targets.length >= 2, targets); // with the renewal
        await agent.destroy();
    }
    assert.equal(platform.renewals, 2);
    proxy.closeAllConnections();
    proxy.close();
    await platform.close();
});

test("a handler of undici 6 is refused, because it would wait for ever", () => {
    const auth = Auth.hmac("1", "key");
    auth.apiPath = "http://127.0.0.1:9";
    const dispatch = tcAuth(auth)(() => assert.fail("sent"));
    const old = { onConnect() {}, onHeaders() {}, onData() {}, onComplete() {}, onError() {} };
    assert.throws(
        () => dispatch({ origin: "http://127.0.0.1:9", path: "/", method: "GET" }, old),
        /^TypeError: tcAuth\(\) needs undici 7/,
    );
});

test("options are checked at once", () => {
    const auth = Auth.hmac("1", "key");
    assert.throws(() => tcAuth(auth), hasCode("API_PATH_MISSING"));
    auth.apiPath = "http://127.0.0.1:9";
    assert.throws(() => tcAuth(auth, { shareIn: { directory: "/missing" } }), hasCode("WRONG_KIND"));
});

test("a refusal without a second attempt is passed on although the renewal was refused", () =>
    withServer(
        ({ target }) =>
            target.includes("appAuth")
                ? { body: '{"success": false}' }
                : { status: 401, body: UNAUTHORIZED, ends: false },
        async (server, agent, auth, url) => {
            // The body does not end: the caller still gets its beginning.
            const session = require("../lib/session.js");
            const { REVIEW_MS } = session;
            session.REVIEW_MS = 200;
            const { statusCode, body } = await request(url, { dispatcher: agent.compose(tcAuth(auth)) });
            session.REVIEW_MS = REVIEW_MS;
            assert.equal(statusCode, 401);
            const [part] = await once(body, "data");
            assert.equal(String(part), UNAUTHORIZED);
            body.on("error", () => {}).destroy();
        },
    ));
