"use strict";

// createFetch(), undici and axios: what is sent, what the caller gets, and where a token may not be.

const assert = require("node:assert/strict");
const { once } = require("node:events");
const net = require("node:net");
const { Readable } = require("node:stream");
const { test } = require("node:test");
const { inspect } = require("node:util");
const zlib = require("node:zlib");

const undici = require("undici");

const { Auth, TcAuthError } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");
const session = require("../lib/session.js");

const { Client, KINDS } = require("./clients.js");
const { Raw, Server, UNAUTHORIZED } = require("./server.js");

const SECRET = "the-secret-part-of-the-token";
const TOKEN = `API:5:${SECRET}=`;
const DENIED = '{"message": "Access Denied"}';

const now = () => Math.floor(Date.now() / 1000);
const isRenewal = (received) => received.target.startsWith("/api/appAuth?");
const renewed = (token = TOKEN + "x") => ({ body: JSON.stringify({ success: true, apiToken: token }) });

function withPath(auth, server) {
    auth.apiPath = server.url + "/api";
    return auth;
}
const tokenFor = (server, expires) => withPath(Auth.token(TOKEN, expires), server);
const hmacFor = (server) => withPath(Auth.hmac("1", "key"), server);

/** Refuses the first token, and renews it. */
const once401 = (received) => {
    if (isRenewal(received)) {
        return renewed();
    }
    return received.headers.authorization.endsWith("=x") ? {} : { status: 401, body: UNAUTHORIZED };
};

/** Runs a test with each client, and closes what it has opened. */
function each(title, run, kinds = KINDS) {
    for (const kind of kinds) {
        test(`${kind}: ${title}`, { timeout: 60_000 }, async () => {
            const opened = [];
            const open = async (promise) => {
                opened.unshift(await promise);
                return opened[0];
            };
            const happened = [];
            const events = () => happened.map((event) => event.type);
            await using_(opened, () =>
                run({
                    kind,
                    happened,
                    events,
                    platform: (options) => open(FakePlatform.start(options)),
                    server: (answer, tls) => open(Server.start(answer, tls)),
                    raw: (start, closes) => open(Raw.start(start, closes)),
                    client: (auth, options) => {
                        const client = new Client(kind, auth, { onEvent: (event) => happened.push(event), ...options });
                        opened.unshift(client);
                        return client;
                    },
                }),
            );
        });
    }
}

async function using_(opened, run) {
    try {
        await run();
    } finally {
        for (const one of opened) {
            await one.close();
        }
    }
}

const hasCode = (code) => (error) => error instanceof TcAuthError && error.code === code;

// --- what is signed

const TARGETS = [
    "/v3/indicators?resultLimit=10",
    "/v3//x/../y;z/%7e%2F!'()*?q=a+b%20c&empty=&&u=http://h/?x",
    '/v3/%2f%c3%a9[a]{b}|^`<>"?[x]={y}|^`<>"',
    "/v3/é?ü=漢",
    "/v3/a b?c d",
    "/v3/a#fragment",
    "?a=b",
    "",
];

each("a request is accepted", async ({ platform, client }) => {
    const fake = await platform();
    for (const auth of [fake.hmacAuth(), fake.tokenAuth()]) {
        const sender = client(auth);
        for (const target of TARGETS) {
            for (const method of ["get", "POST"]) {
                const reply = await sender.send(
                    method,
                    fake.apiPath + target,
                    method === "POST" ? { body: "body" } : {},
                );
                assert.deepEqual([reply.status, fake.refused], [200, []], target);
            }
        }
    }
    const methods = TARGETS.flatMap(() => ["GET", "POST"]);
    assert.deepEqual(
        fake.requests.map((request) => request.method),
        [...methods, ...methods],
    );
});

each("other credentials are replaced", async ({ platform, client }) => {
    const fake = await platform();
    for (const auth of [fake.hmacAuth(), fake.tokenAuth()]) {
        await client(auth).get(fake.apiPath + "/v3/x", { headers: { authorization: "Basic x", TIMESTAMP: "1" } });
    }
    assert.deepEqual([fake.requests.length, fake.refused], [2, []]);
    assert.deepEqual(
        fake.requests.map((request) => request.headers.has("timestamp")),
        [true, false],
    );
});

each("another server gets nothing, and causes no renewal", async ({ kind, platform, server, client }) => {
    const fake = await platform();
    const other = await server(() => ({}));
    const sender = client(fake.tokenAuth());
    fake.expireTokens();
    for (const url of [other.url, fake.url.replace("127.0.0.1", "localhost"), fake.url.replace("http", "https")]) {
        await assert.rejects(sender.get(url + "/path"), hasCode("OTHER_ORIGIN"));
    }
    // undici's fetch never sends a Host header of the caller.
    const hosts = kind === "undici-fetch" ? [] : ["other.example", other.url.slice("http://".length)];
    for (const host of hosts) {
        await assert.rejects(sender.get(fake.apiPath, { headers: { host } }), hasCode("OTHER_ORIGIN"));
    }
    assert.deepEqual([other.received, fake.requests, fake.refused, fake.renewals], [[], [], [], 0]);
    const host = fake.url.slice("http://".length);
    assert.equal((await sender.get(fake.apiPath, { headers: { host } })).status, 200);
});

each("without an API path", async ({ client }) => {
    assert.throws(() => client(Auth.hmac("1", "key")), hasCode("API_PATH_MISSING"));
});

each("a closed Auth", async ({ platform, client }) => {
    const fake = await platform();
    const auth = fake.hmacAuth();
    const sender = client(auth);
    await sender.get(fake.apiPath);
    auth.close();
    await assert.rejects(sender.get(fake.apiPath), hasCode("CLOSED"));
});

each("a URL of the builder arrives as it is", async ({ platform, client }) => {
    const fake = await platform();
    const auth = fake.hmacAuth();
    const sender = client(auth);
    for (const text of ["a/b é", "100%", "x+y&z=;:@!$'()*,", '[]{}|^`<>"\\~', "%2F%20", "..."]) {
        const url = String(auth.url("/v3").addSegment(text).addQuery("q", text));
        assert.equal((await sender.get(url)).status, 200);
        const request = fake.requests.at(-1);
        assert.equal(request.path, url.slice(fake.apiPath.length).split("?")[0]);
        assert.deepEqual(request.query["q"], [text]);
    }
    assert.deepEqual(fake.refused, []);
});

// --- redirects

each("a redirect to the same server is signed again", async ({ server, client }) => {
    const one = await server(({ target }) =>
        target === "/api/old" ? { status: 302, headers: { Location: "new?x=[1]" } } : {},
    );
    const auth = hmacFor(one);
    assert.equal((await client(auth).get(one.url + "/api/old")).status, 200);
    assert.deepEqual(one.targets(), ["/api/old", "/api/new?x=[1]"]);
    for (const { method, target, fields } of one.received) {
        assert.deepEqual([fields.authorization.length, fields.timestamp.length], [1, 1]);
        auth.verify(method, target, fields.authorization[0], fields.timestamp[0]);
    }
});

each(
    "the method and the body after a redirect",
    async ({ server, client }) => {
        for (const [status, method, expected] of [
            [301, "POST", "GET"],
            [302, "POST", "GET"],
            [302, "PUT", "PUT"],
            [303, "PUT", "GET"],
            [303, "HEAD", "HEAD"],
            [307, "POST", "POST"],
            [308, "PUT", "PUT"],
        ]) {
            const one = await server(({ target }) =>
                target === "/api/old" ? { status, headers: { Location: "/api/new" } } : {},
            );
            const auth = hmacFor(one);
            const body = method === "HEAD" ? {} : { body: "body" };
            assert.equal((await client(auth).send(method, one.url + "/api/old", body)).status, 200);
            const [, second] = one.received;
            assert.equal(second.method, expected, `${status} ${method}`);
            assert.equal(String(second.body), expected === method && method !== "HEAD" ? "body" : "");
            auth.verify(expected, "/api/new", second.headers.authorization, second.headers.timestamp);
        }
    },
    ["fetch", "undici", "axios"],
);

each("a redirect to another server gets nothing", async ({ server, client, happened }) => {
    for (const status of [302, 307]) {
        const other = await server(() => ({}));
        const one = await server(() => ({ status, headers: { Location: other.url + "/api/x" } }));
        await assert.rejects(client(tokenFor(one)).get(one.url + "/api"), hasCode("OTHER_ORIGIN"));
        assert.deepEqual([other.received.length, one.targets(), happened], [0, ["/api"], []]);
    }
});

// --- bodies, and what is repeated

function form(FormData) {
    const data = new FormData();
    data.set("name", "value");
    data.set("file", new Blob(["content"]), "name.txt");
    return data;
}

const BODIES = {
    none: undefined,
    string: "0123456789",
    Buffer: Buffer.from("0123456789"),
    Uint8Array: new TextEncoder().encode("0123456789"),
    "part of a Buffer": Buffer.from("xx0123456789").subarray(2),
    ArrayBuffer: new Uint8Array(10).fill(48).buffer,
    Blob: new Blob(["01234", "56789"]),
    FormData: form(FormData),
};

each("a body is sent again", async ({ kind, server, client, happened }) => {
    for (const [name, body] of Object.entries(BODIES)) {
        if (kind === "undici-fetch" && body !== undefined) {
            continue; // a stream, when it arrives at the dispatcher
        }
        if (kind === "axios" && name === "part of a Buffer") {
            continue; // axios sends the whole buffer
        }
        happened.length = 0;
        const one = await server(once401);
        const own = kind === "undici" && name === "FormData" ? form(undici.FormData) : body; // it can't read that of Node.js
        const reply = await client(tokenFor(one)).send("POST", one.url + "/api/v3/x", { body: own });
        assert.equal(reply.status, 200, name);
        const [first, , second] = one.received;
        if (name === "FormData") {
            assert.match(String(second.body), /name="name"[^]*value[^]*name\.txt[^]*content/);
            if (kind !== "axios") {
                // axios 1.21 sends a wrong type with its adapter for fetch, also without this package.
                assert.match(second.headers["content-type"], /^multipart\/form-data; boundary=/);
            }
        } else {
            assert.deepEqual(second.body, first.body, name);
            assert.equal(second.body.length, body === undefined ? 0 : 10, name);
        }
        assert.equal(first.connection, second.connection, name);
        assert.deepEqual(happened, [
            { type: "renewed", saved: true },
            { type: "retried", method: "POST", path: "/api/v3/x", httpStatus: 401, advice: "RETRY" },
        ]);
    }
});

async function* generator() {
    yield Buffer.from("01234");
    yield Buffer.from("56789");
}

const STREAMS = {
    fetch: { ReadableStream: () => ReadableStream.from(generator()), generator },
    undici: { Readable: () => Readable.from(generator()), generator },
    "undici-fetch": { ReadableStream: () => ReadableStream.from(generator()), string: () => "0123456789" },
    axios: { Readable: () => Readable.from(generator()), ReadableStream: () => ReadableStream.from(generator()) },
};

each("a body that can't be sent again", async ({ kind, server, client, happened }) => {
    for (const [name, make] of Object.entries(STREAMS[kind])) {
        happened.length = 0;
        const one = await server(once401);
        const sender = client(tokenFor(one));
        const reply = await sender.send("POST", one.url + "/api", { body: make() });
        assert.deepEqual([reply.status, String(reply.body)], [401, UNAUTHORIZED], name);
        assert.deepEqual(happened, [
            { type: "refused", method: "POST", path: "/api", httpStatus: 401, advice: "RETRY" },
        ]);
        assert.equal(String(one.received[0].body), "0123456789", name);
        assert.equal((await sender.get(one.url + "/api")).status, 200);
        assert.equal(one.received.length, 3);
    }
});

each("a second refusal is returned", async ({ server, client, events, happened }) => {
    const one = await server((received) => (isRenewal(received) ? renewed() : { status: 401, body: UNAUTHORIZED }));
    const reply = await client(tokenFor(one)).get(one.url + "/api");
    assert.deepEqual([reply.status, String(reply.body), one.received.length], [401, UNAUTHORIZED, 3]);
    assert.deepEqual(events(), ["renewed", "retried", "refused"]);
    assert.equal(happened[2].advice, "TOKEN_REJECTED");
});

each("a request is sent twice at most, also if another token is there each time", async (t) => {
    const one = await t.server(async () => {
        await auth.updateToken(`token-${one.received.length}`);
        return { status: 401, body: UNAUTHORIZED };
    });
    const auth = tokenFor(one);
    assert.equal((await t.client(auth).get(one.url + "/api")).status, 401);
    assert.equal(one.received.length, 2);
    assert.deepEqual(
        t.happened.map((event) => [event.type, event.advice]),
        [
            ["retried", "RETRY"],
            ["refused", "RETRY"],
        ],
    );
});

each("a refusal is returned if there is no second attempt", async ({ server, client, happened }) => {
    // The renewal says that the token has expired.
    const one = await server(async (received) => {
        if (isRenewal(received)) {
            await auth.updateToken(TOKEN, 1);
            return { body: '{"success": false}' };
        }
        return { status: 401, body: UNAUTHORIZED };
    });
    const auth = tokenFor(one);
    const reply = await client(auth).get(one.url + "/api");
    assert.deepEqual([reply.status, String(reply.body)], [401, UNAUTHORIZED]);
    assert.deepEqual(happened.at(-1), {
        type: "refused",
        method: "GET",
        path: "/api",
        httpStatus: 401,
        advice: "RETRY",
    });
});

each("a refusal reaches the caller whole", async ({ server, client, events }) => {
    const text = Buffer.from(JSON.stringify({ message: "Access Denied", padding: "x".repeat(600_000) }));
    for (const [wire, headers, body] of [
        [text, {}, text],
        [zlib.gzipSync(text), { "Content-Encoding": "gzip" }, text],
        [text, { "Transfer-Encoding": "chunked" }, text],
        ["", {}, Buffer.alloc(0)],
    ]) {
        const one = await server(() => ({ status: 403, body: wire, headers }));
        const sender = client(hmacFor(one), { agent: { connections: 1 } });
        for (let count = 0; count < 3; count += 1) {
            const reply = await sender.get(one.url + "/api");
            assert.deepEqual([reply.status, reply.body.equals(body)], [403, true]);
        }
        assert.deepEqual(new Set(one.received.map(({ connection }) => connection)), new Set([0]));
    }
    assert.deepEqual(events(), Array(12).fill("refused"));
});

each("the message of a packed refusal is read", async ({ server, client, happened }) => {
    for (const [body, encoding, advice] of [
        [zlib.gzipSync(DENIED), "gzip", "ACCESS_DENIED"],
        [zlib.brotliCompressSync(DENIED), "br", "ACCESS_DENIED"],
        [DENIED, "identity", "ACCESS_DENIED"],
        [zlib.gzipSync(Buffer.alloc(10 << 20)), "gzip", "UNKNOWN"],
    ]) {
        happened.length = 0;
        const one = await server(() => ({ status: 403, body, headers: { "Content-Encoding": encoding } }));
        assert.equal((await client(hmacFor(one)).get(one.url + "/api")).status, 403);
        assert.deepEqual(
            happened.map((event) => [event.type, event.advice]),
            [["refused", advice]],
        );
    }
});

each("a refusal that breaks off is reviewed, and the caller gets the client's own error", async (t) => {
    const head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n";
    const raw = await t.raw(head + DENIED, true);
    await assert.rejects(t.client(hmacFor(raw)).get(raw.url + "/api"), (error) => !(error instanceof TcAuthError));
    assert.deepEqual(
        t.happened.map((event) => [event.type, event.advice]),
        [["refused", "ACCESS_DENIED"]],
    );
});

/** The time for a review is a constant of the module. */
async function withReviewTime(milliseconds, run) {
    const { REVIEW_MS } = session;
    session.REVIEW_MS = milliseconds;
    try {
        await run();
    } finally {
        session.REVIEW_MS = REVIEW_MS;
    }
}

each("a refusal that pauses is reviewed after a while", (t) =>
    withReviewTime(300, async () => {
        const raw = await t.raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n" + DENIED);
        const controller = new AbortController();
        const started = performance.now();
        const sender = t.client(hmacFor(raw), {
            onEvent: (event) => {
                t.happened.push({ ...event, after: performance.now() - started });
                setTimeout(() => controller.abort(new Error("enough")), 100);
            },
        });
        await assert.rejects(sender.get(raw.url + "/api", { signal: controller.signal }));
        assert.equal(t.happened.length, 1);
        const [{ type, advice, after }] = t.happened;
        assert.deepEqual([type, advice], ["refused", "ACCESS_DENIED"]);
        assert.ok(after >= 290 && after < 2500, after);
    }),
);

each("a refusal that never ends makes room for the second attempt", (t) =>
    withReviewTime(300, async () => {
        const one = await t.server((received) => {
            const answer = once401(received);
            return answer.status === 401 ? { ...answer, headers: { "Content-Length": "1000" }, ends: false } : answer;
        });
        const sender = t.client(tokenFor(one), { agent: { connections: 1 } });
        for (let count = 0; count < 2; count += 1) {
            const body = t.kind === "undici-fetch" ? {} : { body: "x".repeat(1_000_000) };
            assert.equal((await sender.send("POST", one.url + "/api", body)).status, 200);
        }
        assert.deepEqual(t.events(), ["renewed", "retried"]);
    }),
);

each(
    "a refusal while the body is sent: the second attempt sends all of it",
    async ({ client }) => {
        const large = Buffer.from("0123456789".repeat(500_000));
        const bodies = [];
        // Refuses the old token as soon as it has the headers, and reads the body only then.
        const server = net.createServer((socket) => {
            let received = Buffer.alloc(0);
            let head = "";
            socket.on("error", () => {});
            const answer = (status, body) =>
                socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
            socket.on("data", (part) => {
                received = Buffer.concat([received, part]);
                const end = received.indexOf("\r\n\r\n");
                if (head === "" && end >= 0) {
                    head = received.subarray(0, end).toString("latin1");
                    received = received.subarray(end + 4);
                    if (head.includes("appAuth")) {
                        answer("200 OK", renewed().body);
                        head = "";
                    } else if (!/=x\r?$/m.test(head)) {
                        answer("401 Unauthorized", UNAUTHORIZED);
                    }
                }
                if (head !== "" && received.length >= large.length) {
                    if (/=x\r?$/m.test(head)) {
                        bodies.push(received);
                        answer("200 OK", "{}");
                    }
                    received = received.subarray(large.length);
                    head = "";
                }
            });
        });
        await once(server.listen(0, "127.0.0.1"), "listening");
        try {
            const url = `http://127.0.0.1:${server.address().port}`;
            assert.equal((await client(tokenFor({ url })).send("POST", url + "/api/x", { body: large })).status, 200);
            assert.deepEqual([bodies.length, bodies[0].equals(large)], [1, true]);
        } finally {
            server.close();
        }
    },
    ["fetch", "undici", "axios"],
);

each(
    "no connection is lost, whatever the caller does with the refusal",
    async ({ kind, server }) => {
        const large = "x".repeat(1_000_000);
        const one = await server(({ target }) => ({ status: Number(target.slice(-3)), body: large }));
        const auth = hmacFor(one);
        const { tcAuth } = require("tc-auth/undici");
        const agent = new undici.Agent({ connections: 1 });
        const dispatcher = agent.compose(tcAuth(auth));
        for (const status of [400, 401, 403, 400, 401, 403]) {
            const url = `${one.url}/api/${status}`;
            const { body } = await undici.request(url, { dispatcher });
            const [part] = await once(body, "data");
            assert.ok(part.length > 0);
            body.destroy();
            const dropped = await undici.request(url, { dispatcher });
            dropped.body.on("error", () => {}).destroy();
            assert.equal((await (await undici.request(url, { dispatcher })).body.text()).length, large.length);
        }
        await agent.destroy();
    },
    ["undici"],
);

// --- renewals

each("one of many requests renews", async ({ platform, client, events }) => {
    const fake = await platform({ tokenLife: 3600 });
    const auth = fake.tokenAuth();
    fake.expireTokens();
    await auth.updateToken(auth.currentToken().value, now() - 10);
    const sender = client(auth);
    const replies = await Promise.all(Array.from({ length: 50 }, () => sender.get(fake.apiPath + "/v3/x")));
    assert.ok(replies.every(({ status }) => status === 200));
    assert.deepEqual([fake.renewals, fake.refused, events()], [1, [], ["renewed"]]);
});

each("an error of onEvent reaches the request", async ({ platform, client }) => {
    const fake = await platform();
    const mine = new RangeError("mine");
    const sender = client(fake.tokenAuth(), {
        onEvent: () => {
            throw mine;
        },
    });
    fake.expireTokens();
    const url = fake.apiPath + "/v3/x";
    await assert.rejects(sender.get(url), mine);
    assert.equal((await sender.get(url)).status, 200);
    fake.answer("GET", "/v3/x", { message: "Access Denied" }, 403);
    await assert.rejects(sender.get(url), mine);
    assert.equal((await sender.get(fake.apiPath)).status, 200);
});

each("a request can be aborted while another one renews", async ({ server, client }) => {
    const one = await server(once401);
    const auth = tokenFor(one, now() - 10);
    const ticket = auth.poll();
    const sender = client(auth);
    const started = performance.now();
    const reason = new Error("mine");
    const aborted = new AbortController();
    setTimeout(() => aborted.abort(reason), 200);
    await assert.rejects(sender.get(one.url + "/api", { signal: aborted.signal }));
    assert.ok(performance.now() - started < 3000);
    await assert.rejects(sender.get(one.url + "/api", { signal: AbortSignal.abort(reason) }));
    assert.deepEqual(one.received, []);
    ticket.cancel();
});

// --- where a token may not be

/** All that a tool such as Sentry shows, with what a debugger finds in the error. */
const report = (error) =>
    inspect(error, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null }) +
    (error.cause ? report(error.cause) : "");

const FAILURES = {
    refused: { body: `{"success": false, "message": "Token ${TOKEN} may not be renewed"}` },
    "an error": { status: 500, body: TOKEN },
    dropped: { status: 0 },
    redirected: { status: 302, headers: { Location: "/elsewhere" } },
};

each("a failed renewal shows no token", async ({ server, client, happened }) => {
    for (const [name, failure] of Object.entries(FAILURES)) {
        happened.length = 0;
        const one = await server((received) => (isRenewal(received) ? failure : { status: 401, body: UNAUTHORIZED }));
        const error = await client(tokenFor(one, now() - 10))
            .get(one.url + "/api/v3/x")
            .catch((thrown) => thrown);
        assert.ok(hasCode("TOKEN_EXPIRED")(error), name);
        assert.equal(one.received.length, 1, name);
        assert.equal(happened[0].type, "renewalFailed");
        assert.ok(!(report(error) + report(happened)).includes(SECRET), name);
    }
});

each("an error after signing shows no token", async ({ raw, client }) => {
    for (const [start, closes] of [
        ["", false],
        ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false],
        ["no HTTP\r\n\r\n", true],
    ]) {
        const one = await raw(start, closes);
        const signal = AbortSignal.timeout(300);
        const error = await client(tokenFor(one))
            .get(one.url + "/api/v3/x", { signal })
            .catch((thrown) => thrown);
        assert.ok(error instanceof Error);
        assert.ok(!report(error).includes(SECRET), report(error));
    }
});
