"use strict";

// tc-auth/testing: the fake platform refuses what the platform refuses.

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { test } = require("node:test");
const { inspect } = require("node:util");

const { Auth, State, createFetch } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");

async function withPlatform(options, use) {
    const platform = await FakePlatform.start(options);
    try {
        await use(platform);
    } finally {
        await platform.close();
    }
}

const signed = (auth, method = "GET", target = "/api/v3/x", options = {}) =>
    Object.fromEntries(
        [...auth.headers(method, target, options)].map(([name, value]) => [name.toLowerCase(), String(value)]),
    );

test("answers, and the requests that were accepted", () =>
    withPlatform({}, async (platform) => {
        platform.answer("GET", "/v3/indicators", { data: [1] });
        platform.answer(
            "post",
            "/v3/indicators",
            async (request) => ({
                received: request.json(),
                query: request.query,
                header: request.headers.get("X-Test"),
            }),
            201,
        );
        platform.answer("GET", "/v3/raw", Buffer.from("raw"), 404);
        for (const auth of [platform.hmacAuth(), platform.tokenAuth()]) {
            const fetch = createFetch(auth);
            const send = (method, path, init = {}) => fetch(platform.apiPath + path, { method, ...init });
            assert.deepEqual(await (await send("GET", "/v3/indicators?resultLimit=1")).json(), { data: [1] });
            const init = { body: "[1,2]", headers: { "X-Test": "x" } };
            const response = await send("POST", "/v3/indicators?a=b&a=", init);
            assert.equal(response.status, 201);
            assert.deepEqual(await response.json(), { received: [1, 2], query: { a: ["b", ""] }, header: "x" });
            const raw = await send("GET", "/v3/raw");
            assert.deepEqual([raw.status, await raw.text()], [404, "raw"]);
            assert.deepEqual(await (await send("DELETE", "/v3/other")).json(), { status: "Success" });
            const body = ReadableStream.from([Buffer.from("ab"), Buffer.from("c")]);
            assert.equal((await send("PUT", "/v3/other", { body, duplex: "half" })).status, 200);
            assert.equal(platform.requests.at(-1).text(), "abc");
            assert.equal((await send("HEAD", "/v3/other")).status, 200);
        }
        const methods = ["GET", "POST", "GET", "DELETE", "PUT", "HEAD"];
        assert.deepEqual(
            platform.requests.map((request) => request.method),
            [...methods, ...methods],
        );
        assert.equal(platform.requests[0].path, "/v3/indicators");
        assert.match(platform.requests.at(-1).headers.get("authorization"), /^TC-Token /);
        assert.doesNotMatch(inspect(platform.requests) + JSON.stringify(platform.requests), /TC-Token/);
        assert.deepEqual(platform.refused, []);
    }));

test("what is refused", () =>
    withPlatform({}, async (platform) => {
        const auth = platform.hmacAuth();
        const stranger = Auth.hmac("1", FakePlatform.secretKey);
        const wrongKey = Auth.hmac(FakePlatform.accessId, "another");
        const now = Math.floor(Date.now() / 1000);
        const refused = {
            Unauthorized: [{}, { authorization: "Basic x" }, { authorization: "TC-Token API:1:x" }],
            "Access Denied": [signed(stranger), { authorization: "TC x" }],
            "Invalid timestamp": [{ ...signed(auth), timestamp: "x" }, { authorization: signed(auth).authorization }],
            "Timestamp out of acceptable time range": [
                signed(auth, "GET", "/api/v3/x", { at: now - 310 }),
                signed(auth, "GET", "/api/v3/x", { at: now + 310 }),
            ],
            "Signature data did not match expected result": [
                signed(wrongKey),
                signed(auth, "POST"),
                signed(auth, "GET", "/api/v3/y"),
            ],
        };
        const expected = [];
        for (const [message, requests] of Object.entries(refused)) {
            for (const headers of requests) {
                const response = await fetch(platform.url + "/api/v3/x", { headers });
                assert.deepEqual([response.status, (await response.json()).message], [401, message]);
                expected.push(message);
            }
        }
        assert.deepEqual(platform.refused, expected);
        assert.deepEqual(platform.requests, []);
        const late = signed(auth, "GET", "/api/v3/x", { at: now - 290 });
        assert.equal((await fetch(platform.url + "/api/v3/x", { headers: late })).status, 200);
    }));

test("tokens expire, are renewed once, and are replaced", () =>
    withPlatform({ tokenLife: 3600 }, async (platform) => {
        let auth = platform.tokenAuth();
        const first = auth.currentToken();
        const left = first.expires - Date.now() / 1000;
        assert.ok(left > 3590 && left <= 3600, left);
        const get = async (one) => (await createFetch(one)(platform.apiPath + "/v3/x")).status;
        assert.deepEqual([await get(auth), platform.renewals], [200, 0]);
        platform.expireTokens();
        assert.deepEqual([await get(auth), platform.renewals], [200, 1]);
        assert.notEqual(auth.currentToken().value, first.value);
        assert.deepEqual(platform.refused, ["Unauthorized"]);
        // The old token was replaced: it can't be used or renewed.
        const headers = { authorization: "TC-Token " + first.value };
        assert.equal((await fetch(platform.apiPath + "/v3/x", { headers })).status, 401);
        const renewal = "/appAuth?expiredToken=" + encodeURIComponent(first.value);
        assert.equal((await fetch(platform.apiPath + renewal)).status, 401);
        auth = platform.tokenAuth();
        platform.expireTokens();
        platform.refuseRenewals();
        assert.equal(await get(auth), 401);
        assert.equal(auth.state().state, State.REFUSED);
    }));

test("tokens without expiry, and a wrong clock", () =>
    withPlatform({ clockOffset: 1200 }, async (platform) => {
        assert.equal(platform.tokenAuth().currentToken().expires, null);
        const url = platform.apiPath + "/v3/x";
        assert.equal((await createFetch(platform.tokenAuth())(url)).status, 200);
        const response = await createFetch(platform.hmacAuth())(url);
        assert.equal(response.status, 401);
        const offset = new Date(response.headers.get("date")) - Date.now();
        assert.ok(Math.abs(offset - 1_200_000) < 5000, offset);
        assert.deepEqual(platform.refused, ["Timestamp out of acceptable time range"]);
    }));

test("a query can be compared, and a path that no request has is refused", () =>
    withPlatform({}, async (platform) => {
        await createFetch(platform.hmacAuth())(platform.apiPath + "/v3/x?a=1&a=2&__proto__=3");
        const query = Object.fromEntries([
            ["a", ["1", "2"]],
            ["__proto__", ["3"]],
        ]);
        assert.deepStrictEqual(platform.requests[0].query, query);
        for (const path of ["v3/x", "/v3/x?a=1", "/v3/x#a", ""]) {
            assert.throws(() => platform.answer("GET", path, {}), TypeError, path);
        }
    }));

test("a function that throws", () =>
    withPlatform({}, async (platform) => {
        platform.answer("GET", "/v3/x", () => {
            throw new Error("no such owner");
        });
        const response = await createFetch(platform.hmacAuth())(platform.apiPath + "/v3/x");
        assert.equal(response.status, 500);
        assert.match((await response.json()).message, /no such owner/);
    }));

test("a Response as the answer, as often as it is asked for", () =>
    withPlatform({}, async (platform) => {
        const fields = [
            ["retry-after", "7"],
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["content-type", "text/plain"],
        ];
        platform.answer("GET", "/v3/x", new Response("busy", { status: 503, headers: fields }));
        const fetch = createFetch(platform.hmacAuth());
        for (let time = 0; time < 2; time++) {
            const response = await fetch(platform.apiPath + "/v3/x");
            assert.deepEqual([response.status, await response.text()], [503, "busy"]);
            assert.equal(response.headers.get("retry-after"), "7");
            assert.equal(response.headers.get("content-type"), "text/plain");
            assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
        }
    }));

test("an answer that can't be sent", () =>
    withPlatform({}, async (platform) => {
        const circle = {};
        circle.circle = circle;
        for (const [answer, reason] of [
            [1n, /BigInt/],
            [circle, /circular/],
            [Response.error(), /status 0/],
        ]) {
            platform.answer("GET", "/v3/x", answer);
            const response = await createFetch(platform.hmacAuth())(platform.apiPath + "/v3/x");
            assert.equal(response.status, 500);
            assert.match((await response.json()).message, reason);
        }
    }));

test("closed twice, and by a declaration", async () => {
    const platform = await FakePlatform.start();
    await platform[Symbol.asyncDispose]();
    await platform.close();
    await assert.rejects(fetch(platform.apiPath));
});

test("a program that does not close it ends", () => {
    const program = `
    import { createFetch } from "tc-auth";
    import { FakePlatform } from "tc-auth/testing";
    const platform = await FakePlatform.start();
    const response = await createFetch(platform.hmacAuth())(platform.apiPath);
    console.log(response.status);`;
    const options = { cwd: __dirname, timeout: 30_000, encoding: "utf8" };
    assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", program], options), "200\n");
});
