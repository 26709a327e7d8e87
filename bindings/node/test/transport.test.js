"use strict";

// The renewal: how it connects, what it shows, and when it ends.

const assert = require("node:assert/strict");
const { execFile } = require("node:child_process");
const diagnostics = require("node:diagnostics_channel");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const { once } = require("node:events");
const { PerformanceObserver } = require("node:perf_hooks");
const test = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");
const util = require("node:util");

const { Auth, Session } = require("tc-auth");

const { Server, certificate } = require("./server.js");

const OLD = "API:5:the-first-token";
const NEW = "API:6:the-next-token";
const SECRETS = /(first|next)-token/;
const RENEWED = JSON.stringify({ success: true, apiToken: NEW, apiTokenExpires: "4000000000" });

/** Renews the token of a server, and returns the event and the token that is in use afterwards. */
async function renew(url, renewal) {
    const auth = Auth.token(OLD, 1);
    auth.apiPath = `${url}/api`;
    let event;
    await new Session(auth, { renewal, onEvent: (happened) => (event = happened) }).ready();
    assert.ok(Object.isFrozen(event));
    return [event, auth.currentToken().value];
}

const opened = [];
test.afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

/** Starts a server that a test need not close. */
async function serve(answer, tls) {
    opened.push(await Server.start(answer, tls));
    return opened.at(-1);
}

const RENEWED_EVENT = { type: "renewed", saved: true };
const failed = (failure, httpStatus = 0) => ({ type: "renewalFailed", code: null, message: "", httpStatus, failure });

/** A server of bytes: `script(socket)` is called when the head of a request has come. */
async function bytesServer(script) {
    const sockets = new Set();
    const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {});
        socket.once("data", () => script(socket));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const close = () => {
        sockets.forEach((socket) => socket.destroy());
        server.close();
    };
    opened.push({ close });
    return { url: `http://127.0.0.1:${server.address().port}`, sockets };
}

test("one request, on a connection of its own, without what it does not need", async () => {
    const server = await serve(() => ({ body: RENEWED }));
    assert.deepEqual(await renew(server.url), [RENEWED_EVENT, NEW]);
    assert.equal(server.received.length, 1);
    const [{ method, target, headers }] = server.received;
    assert.equal(method, "GET");
    assert.equal(target, `/api/appAuth?expiredToken=${encodeURIComponent(OLD)}`);
    assert.deepEqual(headers, {
        host: server.url.slice("http://".length),
        accept: "application/json",
        "accept-encoding": "identity",
        connection: "close",
        "user-agent": "tc-auth",
    });
});

test("no observer of Node.js gets the URL or the response", async () => {
    const seen = [];
    const watch = (message, name) => seen.push(`${name} ${util.inspect(message, { depth: 9, showHidden: true })}`);
    const names = ["http.client.request.created", "http.client.request.start", "http.client.response.finish"];
    names.push("http.client.request.error", "net.client.socket", "undici:request:create");
    names.forEach((name) => diagnostics.subscribe(name, watch));
    const observer = new PerformanceObserver((list) =>
        list
            .getEntries()
            .filter((entry) => entry.name !== "HttpRequest") // of the server in this process
            .forEach((entry) => seen.push(util.inspect(entry, { depth: 9 }))),
    );
    observer.observe({ entryTypes: ["http", "net", "dns"] });
    const original = [http.request, https.request];
    const options = [];
    http.request = (...args) => {
        const request = original[0](...args);
        options.push(util.inspect(args, { depth: 9 }), util.inspect(request, { depth: 9 }));
        return request;
    };
    const server = await serve(() => ({ body: RENEWED }));
    try {
        assert.deepEqual(await renew(server.url), [RENEWED_EVENT, NEW]);
        await sleep(50);
    } finally {
        http.request = original[0];
        names.forEach((name) => diagnostics.unsubscribe(name, watch));
        observer.disconnect();
    }
    assert.ok(seen.some((text) => text.startsWith("http.client.request.start")));
    assert.ok(seen.some((text) => text.includes("HttpClient")));
    assert.ok(options.length >= 2, "a tool that replaces http.request");
    for (const text of [...seen, ...options]) {
        assert.ok(!SECRETS.test(text), text.match(/.{0,200}(first|next)-token.{0,50}/s)?.[0]);
    }
});

const LOGGED = `
    const { Auth, createFetch } = require("tc-auth");
    const [url, planted] = process.argv.slice(1);
    const auth = Auth.token("${OLD}", 1);
    auth.apiPath = url + "/api";
    const events = [];
    const fetch = createFetch(auth, { onEvent: (event) => console.log(event) });
    const get = planted ? () => new Promise((done) => require("http").get(auth.poll().url, done)) : () => fetch(auth.url("/x"));
    get().then((response) => response.text?.()).then(() => process.exit());
`;

test("NODE_DEBUG and NODE_DEBUG_NATIVE print no token of a renewal", { timeout: 60_000 }, async () => {
    const server = await serve(({ target }) => ({ body: target.includes("expiredToken") ? RENEWED : "{}" }));
    const log = async (...args) => {
        const options = { cwd: __dirname, env: { ...process.env, NODE_DEBUG: "http,https,net,tls,stream,timer" } };
        const { stdout, stderr } = await util.promisify(execFile)(
            process.execPath,
            ["-e", LOGGED, server.url, ...args],
            { ...options, maxBuffer: 1 << 26 },
        );
        return stdout + stderr;
    };
    const text = await log();
    assert.match(text, /type: 'renewed'/);
    assert.match(text, /^HTTP \d+: /m);
    assert.doesNotMatch(text, SECRETS);
    assert.match(await log("planted"), SECRETS, "a usual request is seen");
});

test("TLS: the certificate is checked, and can be trusted", async () => {
    const { key, cert } = certificate();
    const server = await serve(() => ({ body: RENEWED }), { key, cert });
    assert.deepEqual(await renew(server.url), [failed("DEPTH_ZERO_SELF_SIGNED_CERT"), OLD]);
    assert.equal(server.received.length, 0);
    assert.deepEqual(await renew(server.url, { tls: { ca: cert } }), [RENEWED_EVENT, NEW]);
    const [event] = await renew(server.url.replace("127.0.0.1", "localhost"), { tls: { ca: cert } });
    assert.deepEqual(event, failed("ERR_TLS_CERT_ALTNAME_INVALID"));
});

/** A proxy that counts, and that answers CONNECT with a status. */
async function proxyServer(status = 200, tls = null) {
    const requests = [];
    const sockets = new Set();
    const server = tls === null ? http.createServer() : https.createServer(tls);
    server.on("connection", (socket) => sockets.add(socket));
    server.on("connect", (request, socket, head) => {
        requests.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
        socket.on("error", () => {});
        socket.write(`HTTP/1.1 ${status} x\r\n\r\n`);
        if (status === 200) {
            const [host, port] = request.url.split(":");
            const upstream = net.connect(port, host, () => {
                upstream.write(head);
                upstream.pipe(socket).pipe(upstream);
            });
            upstream.on("error", () => socket.destroy());
        }
    });
    server.on("request", (request, response) => {
        requests.push(`${request.method} ${request.headers["proxy-authorization"] ?? ""}`);
        const { host, pathname, search } = new URL(request.url);
        http.get(`http://${host}${pathname}${search}`, (answer) => answer.pipe(response));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const scheme = tls === null ? "http" : "https";
    opened.push({
        close() {
            server.close();
            sockets.forEach((socket) => socket.destroy());
        },
    });
    return { url: `${scheme}://user:p%40ss@127.0.0.1:${server.address().port}`, requests };
}

const USER = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;

test("through a proxy: a tunnel for https, the whole URL for http", async () => {
    const { key, cert } = certificate();
    const secure = await serve(() => ({ body: RENEWED }), { key, cert });
    const plain = await serve(() => ({ body: RENEWED }));
    const proxy = await proxyServer();
    const tunnel = { proxy: proxy.url, tls: { ca: cert } };
    assert.deepEqual(await renew(secure.url, tunnel), [RENEWED_EVENT, NEW]);
    assert.deepEqual(proxy.requests, [`CONNECT ${new URL(secure.url).host} ${USER}`]);
    assert.equal(secure.received[0].headers["proxy-authorization"], undefined);
    assert.equal(secure.received[0].target, `/api/appAuth?expiredToken=${encodeURIComponent(OLD)}`);
    assert.deepEqual(await renew(secure.url, { proxy: proxy.url }), [failed("DEPTH_ZERO_SELF_SIGNED_CERT"), OLD]);
    assert.deepEqual(await renew(plain.url, { proxy: new URL(proxy.url) }), [RENEWED_EVENT, NEW]);
    assert.equal(proxy.requests.at(-1), `GET ${USER}`);
    const refusing = await proxyServer(407);
    assert.deepEqual(await renew(secure.url, { ...tunnel, proxy: refusing.url }), [failed("ProxyError"), OLD]);
});

test("the proxy of the environment, if Node.js uses it", async (t) => {
    const plain = await serve(() => ({ body: RENEWED }));
    const proxy = await proxyServer();
    const before = { ...process.env };
    t.after(() => (process.env = before));
    const environment = { HTTP_PROXY: proxy.url, NODE_USE_ENV_PROXY: "1" };
    const { host } = new URL(plain.url);
    // What can't use it sends its requests without a proxy, and so is the renewal.
    const canUseIt = process.allowedNodeEnvironmentFlags.has("--use-env-proxy");
    const cases = [
        [{}, {}, canUseIt],
        [{ NODE_OPTIONS: "--use-env-proxy --no-warnings", NODE_USE_ENV_PROXY: "" }, {}, canUseIt],
        [{ NODE_USE_ENV_PROXY: "" }, {}, false],
        [{ HTTP_PROXY: "", HTTPS_PROXY: proxy.url }, {}, false],
        [{ http_proxy: proxy.url, HTTP_PROXY: "http://127.0.0.1:1" }, {}, canUseIt],
        [{ NO_PROXY: "*" }, {}, false],
        [{ NO_PROXY: "other.example, 127.0.0.1" }, {}, false],
        [{ NO_PROXY: `other.example,${host}` }, {}, false],
        [{ NO_PROXY: ".0.1" }, {}, false],
        [{ NO_PROXY: "*.0.1" }, {}, false],
        [{ NO_PROXY: "0.1,.example,127.0.0.1:1" }, {}, canUseIt],
        [{}, { proxy: null }, false],
    ];
    for (const [variables, options, isUsed] of cases) {
        process.env = { ...before, ...environment, ...variables };
        const count = proxy.requests.length;
        assert.deepEqual(await renew(plain.url, options), [RENEWED_EVENT, NEW]);
        assert.equal(proxy.requests.length - count, Number(isUsed), JSON.stringify(variables));
    }
});

test("through a proxy with https: TLS in TLS", async () => {
    const { key, cert } = certificate();
    const secure = await serve(() => ({ body: RENEWED }), { key, cert });
    const proxy = await proxyServer(200, { key, cert });
    assert.deepEqual(await renew(secure.url, { proxy: proxy.url, tls: { ca: cert } }), [RENEWED_EVENT, NEW]);
    assert.equal(proxy.requests.length, 1);
});

test("a server that drips ends with the timeout, and its connection too", async () => {
    let timer;
    const server = await bytesServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        timer = setInterval(() => socket.write("1\r\n \r\n"), 20);
    });
    const start = performance.now();
    assert.deepEqual(await renew(server.url, { timeout: 300 }), [failed("TimeoutError", 200), OLD]);
    assert.ok(performance.now() - start < 5000);
    const [socket] = server.sockets;
    await once(socket, "close");
    clearInterval(timer);
    for (const timeout of [0, -1, 30_001, NaN, Infinity]) {
        await assert.rejects(renew("http://127.0.0.1:1", { timeout }), { code: "INVALID_ARGUMENT" });
    }
    await assert.rejects(renew("http://127.0.0.1:1", { proxy: "socks5://h:1" }), { code: "INVALID_ARGUMENT" });
    await assert.rejects(renew("http://127.0.0.1:1", { proxy: "proxy" }), { code: "INVALID_ARGUMENT" });
});

test("a proxy that never answers ends with the timeout", async () => {
    const proxy = await bytesServer(() => {});
    const options = { proxy: proxy.url, timeout: 200 };
    assert.deepEqual(await renew("https://company.example", options), [failed("TimeoutError"), OLD]);
});

test("what is no answer, and a part of one", async () => {
    const long = `HTTP/1.1 200 OK\r\nContent-Length: ${RENEWED.length + 1}\r\n\r\n`;
    const cases = [
        ["", failed("ECONNRESET"), OLD],
        ["no HTTP\r\n\r\n", failed("HPE_INVALID_CONSTANT"), OLD],
        [long + RENEWED.slice(0, -1), failed("ECONNRESET", 200), OLD],
        [long + RENEWED, RENEWED_EVENT, NEW],
    ];
    for (const [bytes, event, token] of cases) {
        const server = await bytesServer((socket) => socket.end(bytes));
        assert.deepEqual(await renew(server.url), [event, token], bytes);
    }
    const [event] = await renew("http://127.0.0.1:1");
    assert.deepEqual(event, failed("ECONNREFUSED"));
});

test("of a response without end, a megabyte is read", async () => {
    const part = Buffer.alloc(1 << 16, " ");
    const server = await bytesServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const more = () => socket.writable && socket.write(part, more);
        more();
    });
    assert.deepEqual(await renew(server.url), [failed("TooLong", 200), OLD]);
});

test("a refusal, and the server's message", async () => {
    const body = JSON.stringify({ success: false, message: `${OLD} may not be renewed` });
    const server = await serve(() => ({ status: 400, body }));
    const [event, token] = await renew(server.url);
    assert.deepEqual(event, {
        type: "renewalFailed",
        code: "RENEWAL_REFUSED",
        message: "*** may not be renewed",
        httpStatus: 400,
        failure: "",
    });
    assert.equal(token, OLD);
});
