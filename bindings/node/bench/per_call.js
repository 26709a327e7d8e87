"use strict";

// What the headers of one request cost, and a poll; without a client.
//
//     node per_call.js [ROUNDS]
//
// The rows are measured in turn, ROUNDS times (100 by default). The table has the least CPU time of each, in nanoseconds per
// call.

const { createHmac, createSecretKey } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { Auth } = require("tc-auth");

const ROUNDS = Number(process.argv[2] ?? 100);
const CALLS = 2000;
const WARM_UP = 20_000;
const ACCESS_ID = "12345678901234567890";
const SECRET_KEY = "a-secret-key-of-some-length-as-they-have-64-characters-in-reality";
const TARGET = "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";

/** As the public clients do it. */
function usual(key) {
    const timestamp = Math.floor(Date.now() / 1000).toString();
    const signature = createHmac("sha256", key).update(`${TARGET}:GET:${timestamp}`).digest("base64");
    return { Authorization: `TC ${ACCESS_ID}:${signature}`, Timestamp: timestamp };
}

const keyObject = createSecretKey(Buffer.from(SECRET_KEY));
const auth = Auth.hmac(ACCESS_ID, SECRET_KEY);
const token = Auth.token(`API:5:${"x".repeat(120)}`, Math.floor(Date.now() / 1000) + 86_400);
token.apiPath = "https://company.example/api";
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
const shared = Auth.token("API:5:x", Math.floor(Date.now() / 1000) + 86_400);
shared.apiPath = "https://company.example/api";
shared.shareIn(directory, "9f86d081884c7d659a2feaa0c55ad015");

const rows = {
    "`createHmac`, a string as key": () => usual(SECRET_KEY),
    "`createHmac`, a `KeyObject`": () => usual(keyObject),
    "`Auth.headers()`": () => auth.headers("GET", TARGET),
    "`Auth.headers()`, and an object of them": () => Object.fromEntries(auth.headers("GET", TARGET)),
    "`Auth.headerBlock()`": () => auth.headerBlock("GET", TARGET),
    "`Auth.headers()`, token": () => token.headers("GET", TARGET),
    "`Auth.poll()`, token": () => token.poll(),
    "`Auth.poll()`, a token that is shared in a directory": () => shared.poll(),
};

const { authorization, timestamp } = auth.headers("GET", TARGET);
const expected = createHmac("sha256", SECRET_KEY).update(`${TARGET}:GET:${timestamp}`).digest("base64");
if (authorization !== `TC ${ACCESS_ID}:${expected}`) {
    throw new Error("another signature");
}

function measure(call) {
    const start = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) {
        call();
    }
    const { user, system } = process.cpuUsage(start);
    return ((user + system) * 1000) / CALLS;
}

const least = {};
for (const call of Object.values(rows)) {
    for (let i = 0; i < WARM_UP; i++) {
        call();
    }
}
for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(rows)) {
        least[name] = Math.min(least[name] ?? Infinity, measure(call));
    }
}
shared.close();
fs.rmSync(directory, { recursive: true });

console.log(`| Node.js ${process.versions.node} | ns per call |\n| --- | ---: |`);
for (const [name, time] of Object.entries(least)) {
    console.log(`| ${name} | ${Math.round(time).toLocaleString("en")} |`);
}
