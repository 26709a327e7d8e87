"use strict";

// What a signed request costs with fetch, undici and axios.
//
//     node per_request.js [SECONDS]
//
// The server is a small one in its own process. Each row sends for SECONDS (1 by default), five times, in turn with the other
// rows; the table has the least CPU time of each, in microseconds per request, for one request at a time and for eight. In
// the column "no network" something answers in its place: what is left is the client, and the authorization.

const { fork } = require("node:child_process");
const { createHmac } = require("node:crypto");
const { once } = require("node:events");
const net = require("node:net");

const SECONDS = Number(process.argv[2] ?? 1);
const ROUNDS = 5;
const [ACCESS_ID, SECRET_KEY, TOKEN] = ["12345678901234567890", "a-secret-key-of-some-length", "API:5:the-token"];
const TARGET = "/api/v3/indicators?resultLimit=10";
const BODY = '{"status": "Success"}';

function serve() {
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
    const server = net.createServer((socket) => {
        socket.setNoDelay();
        socket.on("error", () => {});
        socket.on("data", (data) => {
            if (data.toString("latin1").endsWith("\r\n\r\n")) {
                socket.write(answer);
            }
        });
    });
    server.listen(0, "127.0.0.1", () => process.send(server.address().port));
    process.on("disconnect", () => process.exit());
}

// --- the rows

/** The least that a program without a library does. */
function byHand(method, target) {
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = createHmac("sha256", SECRET_KEY).update(`${target}:${method}:${timestamp}`).digest("base64");
    return { Authorization: `TC ${ACCESS_ID}:${signature}`, Timestamp: String(timestamp) };
}

function rows(url) {
    const axios = require("axios");
    const undici = require("undici");
    const { Auth, createFetch } = require("tc-auth");
    const { tcAuth } = require("tc-auth/undici");

    const [key, token] = [Auth.hmac(ACCESS_ID, SECRET_KEY), Auth.token(TOKEN)];
    key.apiPath = token.apiPath = new URL("/api", url).href;

    class Answering extends undici.Dispatcher {
        dispatch(_, handler) {
            const controller = { aborted: false, paused: false, reason: null, abort() {}, pause() {}, resume() {} };
            handler.onRequestStart?.(controller, {});
            handler.onResponseStart?.(controller, 200, { "content-length": String(BODY.length) }, "OK");
            handler.onResponseData?.(controller, Buffer.from(BODY));
            handler.onResponseEnd?.(controller, {});
            return true;
        }
    }
    const answering = async () => new Response(BODY);

    const viaFetch = (make) => (isReal) => {
        const send = make(isReal ? fetch : answering);
        return async () => (await send(url)).text();
    };
    const viaUndici = (interceptors, headers) => (isReal) => {
        const plain = isReal ? new undici.Agent() : new Answering();
        const dispatcher = plain.compose((dispatch) => dispatch, ...interceptors); // it wraps old handlers
        return async () => (await undici.request(url, { dispatcher, headers: headers?.() })).body.text();
    };
    const viaAxios = (make) => (isReal) => {
        const env = { fetch: make(isReal ? fetch : answering), Request: null };
        const client = axios.create({ adapter: "fetch", env });
        return () => client.get(url);
    };
    const plain = (send) => (target, init) => send(target, init);
    const signedByHand = (send) => (target, init) =>
        send(target, { ...init, headers: { ...init?.headers, ...byHand("GET", TARGET) } });
    const with_ = (auth) => (send) => createFetch(auth, { fetch: send });
    return {
        "fetch, without authorization": viaFetch(plain),
        "fetch, key pair: node:crypto": viaFetch(signedByHand),
        "fetch, key pair: createFetch()": viaFetch(with_(key)),
        "fetch, token: createFetch()": viaFetch(with_(token)),
        "undici, without authorization": viaUndici([]),
        "undici, key pair: node:crypto": viaUndici([], () => byHand("GET", TARGET)),
        "undici, key pair: tcAuth()": viaUndici([tcAuth(key)]),
        "undici, token: tcAuth()": viaUndici([tcAuth(token)]),
        "axios, without authorization": viaAxios(plain),
        "axios, key pair: node:crypto": viaAxios(signedByHand),
        "axios, key pair: createFetch()": viaAxios(with_(key)),
        "axios, token: createFetch()": viaAxios(with_(token)),
    };
}

/** Microseconds of CPU time for a request. Other programs on the machine hardly change it. */
async function measure(send, count) {
    const end = performance.now() + SECONDS * 1000;
    const before = process.cpuUsage();
    let sent = 0;
    const work = async () => {
        while (performance.now() < end) {
            for (let several = 0; several < 10; several += 1) {
                await send();
                sent += 1;
            }
        }
    };
    await Promise.all(Array.from({ length: count }, work));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / sent;
}

async function main() {
    const server = fork(__filename, ["serve"]);
    const [port] = await once(server, "message");
    const made = rows(`http://127.0.0.1:${port}${TARGET}`);
    const columns = [
        ["1 request", true, 1],
        ["8 requests", true, 8],
        ["no network", false, 1],
    ];
    const least = {};
    for (let round = 0; round < ROUNDS; round += 1) {
        for (const [row, make] of Object.entries(made)) {
            for (const [column, isReal, count] of columns) {
                const cost = await measure(make(isReal), count);
                least[row] ??= {};
                least[row][column] = Math.min(cost, least[row][column] ?? Infinity);
            }
        }
    }
    console.log(
        `Node.js ${process.version}, undici ${require("undici/package.json").version}, axios ${require("axios").VERSION}`,
    );
    console.log(
        `\n| µs of CPU time | ${columns.map(([name]) => name).join(" | ")} |\n| --- |${" ---: |".repeat(columns.length)}`,
    );
    for (const [row, costs] of Object.entries(least)) {
        console.log(`| ${row} | ${columns.map(([name]) => costs[name].toFixed(1)).join(" | ")} |`);
    }
    process.exit();
}

process.argv[2] === "serve" ? serve() : main();
