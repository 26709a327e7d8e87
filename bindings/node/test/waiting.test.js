"use strict";

// Requests that wait for a renewal, and the event loop, which does not.

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const dns = require("node:dns");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { getEventListeners, once } = require("node:events");
const test = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");

const { Auth, createFetch, Session, State, TcAuthError, Unsealed } = require("tc-auth");

const { Waiters } = require("../lib/waiters.js");
const { Server } = require("./server.js");

const RENEWED = '{"success":true,"apiToken":"b","apiTokenExpires":"4000000000"}';

function expired(apiPath = "https://company.example/api") {
    const auth = Auth.token("API:5:a", 1);
    auth.apiPath = apiPath;
    return auth;
}

/** What happens to a promise: false as long as nothing does. */
function settled(promise) {
    const state = { settled: false };
    promise.then(
        (value) => Object.assign(state, { settled: true, value }),
        (error) => Object.assign(state, { settled: true, error }),
    );
    return state;
}

test("one renews, and all others go on as soon as it has ended", async () => {
    const auth = expired();
    const renewal = await auth.ready();
    const waiting = Array.from({ length: 1000 }, () => auth.ready());
    const states = waiting.map(settled);
    await sleep(250);
    assert.ok(states.every((one) => !one.settled));
    await renewal.complete(200, RENEWED);
    const start = performance.now();
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([null]));
    assert.ok(performance.now() - start < 45, "woken, not found by the next poll");
    assert.equal(auth.headers("GET", "/").authorization, "TC-Token b");
});

test("another renewal gives one ticket to those that wait", async () => {
    const auth = expired();
    const renewal = await auth.ready();
    const waiting = [auth.ready(), auth.ready(), auth.ready()];
    const states = waiting.map(settled);
    // A token that is replaced by an expired one: the next poll gives a ticket.
    await auth.updateToken("API:5:c", 1);
    await new Promise(setImmediate);
    assert.deepEqual(
        states.map((one) => one.settled),
        [true, false, false],
    );
    assert.ok(states[0].value.needed);
    renewal.cancel();
    await states[0].value.complete(200, RENEWED);
    assert.deepEqual(await Promise.all(waiting.slice(1)), [null, null]);
});

test("a renewal in another thread is noticed within a moment", async () => {
    const auth = expired();
    const elsewhere = Auth.fromShared(auth.share()); // as in a thread: it has its own waiters
    const renewal = elsewhere.poll();
    const waiting = auth.ready();
    await sleep(120);
    await renewal.complete(200, RENEWED);
    const start = performance.now();
    assert.equal(await waiting, null);
    assert.ok(performance.now() - start < 1000);
});

test("an abort ends a wait with its reason, and no ticket is lost", async () => {
    const auth = expired();
    const renewal = await auth.ready();
    const reason = new Error("enough");
    const abort = new AbortController();
    const first = settled(auth.ready(abort.signal));
    const second = auth.ready();
    abort.abort(reason);
    await new Promise(setImmediate);
    assert.equal(first.error, reason);
    await assert.rejects(auth.ready(abort.signal), reason);
    await auth.updateToken("API:5:c", 1);
    (await second).cancel();
    renewal.cancel();
    assert.equal(auth.state().state, State.PAUSED);
    assert.equal(await auth.ready(), null);
});

test("many requests can have one signal", async () => {
    const auth = expired();
    const renewal = await auth.ready();
    const { signal } = new AbortController();
    const warnings = [];
    const warned = (warning) => warnings.push(warning.message);
    process.on("warning", warned);
    const waiting = Array.from({ length: 100 }, () => auth.ready(signal));
    assert.equal(getEventListeners(signal, "abort").length, 1);
    await renewal.complete(200, RENEWED);
    await Promise.all(waiting);
    await new Promise(setImmediate);
    process.off("warning", warned);
    assert.deepEqual(warnings, []);
    assert.equal(getEventListeners(signal, "abort").length, 0, "none is left");
});

test("closing ends a wait", async () => {
    const auth = expired();
    const renewal = await auth.ready();
    const waiting = auth.ready();
    auth.close();
    await assert.rejects(waiting, { code: "CLOSED" });
    renewal.cancel();
});

test("a token that is unsealed ends a wait", async () => {
    const [auth, other] = [expired(), expired()];
    await auth.ready();
    const waiting = settled(auth.ready());
    await other.updateToken("API:5:d", 4_000_000_000);
    assert.equal(auth.unseal(other.seal("key"), "key"), Unsealed.ADOPTED);
    await new Promise(setImmediate);
    assert.deepEqual(waiting, { settled: true, value: null });
});

test("a wait ends after its time, and nothing polls afterwards", async () => {
    let polls = 0;
    const waiters = new Waiters(() => {
        polls++;
        throw new TcAuthError(14);
    });
    const start = performance.now();
    await assert.rejects(waiters.wait(300), { code: "RENEWAL_TIMEOUT" });
    assert.ok(performance.now() - start >= 299);
    assert.ok(polls >= 2 && polls <= 6, `${polls} polls`);
    const before = polls;
    await sleep(200);
    assert.equal(polls, before);
});

test("a request waits for at most 60 seconds", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const auth = expired();
    const renewal = auth.poll();
    const waiting = settled(auth.ready());
    t.mock.timers.tick(59_900);
    await new Promise(setImmediate);
    assert.ok(!waiting.settled);
    t.mock.timers.tick(200);
    await new Promise(setImmediate);
    assert.equal(waiting.error?.code, "RENEWAL_TIMEOUT");
    renewal.cancel();
});

test("a renewal goes on after an abort", async () => {
    let answer;
    const server = await Server.start((received) =>
        received.target.includes("expiredToken") ? new Promise((resolve) => (answer = resolve)) : {},
    );
    const auth = expired(`${server.url}/api`);
    const events = [];
    const session = new Session(auth, { onEvent: (event) => events.push(event.type) });
    const abort = new AbortController();
    const request = session.authorize("GET", `${server.url}/api/v3/x`, { signal: abort.signal });
    const other = session.authorize("GET", `${server.url}/api/v3/x`);
    while (answer === undefined) {
        await sleep(5);
    }
    abort.abort(new Error("enough"));
    await assert.rejects(request, /enough/);
    answer({ body: RENEWED });
    assert.equal((await other).headers.authorization, "TC-Token b");
    assert.deepEqual(events, ["renewed"]);
    await server.close();
});

// --- the event loop

/** The longest time, in milliseconds, for which the loop did not run anything while `work` ran. */
async function lag(work) {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
        const now = performance.now();
        longest = Math.max(longest, now - last - 1);
        last = now;
    }, 1);
    try {
        await work();
        await sleep(2);
    } finally {
        clearInterval(timer);
    }
    return longest;
}

const block = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** Three attempts: other programs of a busy machine pass, but a call that blocks the loop does so each time. */
function retried(attempt) {
    return async () => {
        for (let left = 2; ; left--) {
            try {
                return await attempt();
            } catch (error) {
                if (left === 0) {
                    throw error;
                }
            }
        }
    };
}

/** A program that takes the ticket of the family, holds it for a while, and completes it. */
const HOLDER = `
    const { Auth } = require("tc-auth");
    const [directory, hold] = process.argv.slice(1);
    const auth = Auth.token("API:5:a", 1);
    auth.apiPath = "https://company.example/api";
    auth.shareIn(directory, "key");
    const renewal = auth.poll();
    console.log("held");
    setTimeout(() => renewal.complete(200, ${JSON.stringify(RENEWED)}).then(() => auth.close()), Number(hold));
`;

test(
    "the loop runs while another process renews, and so does libuv's pool",
    { timeout: 60_000 },
    retried(async () => {
        const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
        const holder = spawn(process.execPath, ["-e", HOLDER, directory, "1500"], {
            cwd: __dirname,
            stdio: ["ignore", "pipe", "inherit"],
        });
        await once(holder.stdout, "data");
        const auth = expired();
        auth.shareIn(directory, "key");

        // The gate is ten times what the same loop needs without a renewal; a busy machine takes some milliseconds.
        const quiet = await lag(() => sleep(1000));
        const gate = Math.max(10 * quiet, 20);

        let lookup = Infinity;
        const waited = await lag(async () => {
            const waiting = Array.from({ length: 500 }, () => auth.ready());
            const start = performance.now();
            await Promise.all([
                dns.promises.lookup("localhost").then(() => (lookup = performance.now() - start)),
                ...waiting,
            ]);
        });
        assert.equal(auth.headers("GET", "/").authorization, "TC-Token b", "the token of the other process");
        const planted = await lag(async () => {
            await sleep(10);
            block(gate + 20);
        });
        console.log(
            `# loop lag: ${quiet.toFixed(1)} ms without a renewal, ${waited.toFixed(1)} ms while 500 requests wait for another ` +
                `process, ${planted.toFixed(1)} ms with a planted block; dns.lookup ${lookup.toFixed(1)} ms`,
        );
        assert.ok(waited < gate, `${waited} ms, the gate is ${gate} ms`);
        assert.ok(lookup < 1000, `${lookup} ms`);
        assert.ok(planted > gate, "the gate notices a block");
        fs.rmSync(directory, { recursive: true });
    }),
);

test(
    "the loop runs while tokens are saved, and while this process renews",
    { timeout: 60_000 },
    retried(async () => {
        const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
        let count = 0;
        const server = await Server.start((received) =>
            received.target.includes("expiredToken")
                ? { body: RENEWED.replace('"b"', `"b${++count}"`).replace("4000000000", "1") }
                : {},
        );
        const auth = expired(`${server.url}/api`);
        const fetch = createFetch(auth, { shareIn: { directory, key: "key" } });
        const quiet = await lag(() => sleep(500));
        const gate = Math.max(10 * quiet, 20);
        const saved = [];
        const worst = await lag(async () => {
            for (let i = 0; i < 20; i++) {
                const start = performance.now();
                const done = auth.updateToken(`API:5:${i}`, 4_000_000_000);
                saved.push(performance.now() - start);
                await done;
            }
        });
        assert.equal(auth.currentToken().value, "API:5:19");
        assert.ok(worst < gate, `${worst} ms, the gate is ${gate} ms`);
        const usual = saved.sort((one, other) => one - other)[10];
        console.log(`# saving a token takes ${usual.toFixed(2)} ms of the loop; lag ${worst.toFixed(1)} ms`);
        await auth.updateToken("API:5:a", 4_000_000_000);
        const response = await fetch(`${server.url}/api/v3/x`);
        assert.equal(response.status, 200);
        await response.text();

        // What a request does with the shared file: a stat, and reading it after a change.
        const polls = 20_000;
        const start = performance.now();
        for (let i = 0; i < polls; i++) {
            auth.poll();
        }
        const perPoll = ((performance.now() - start) / polls) * 1000;
        console.log(`# a poll of a shared token takes ${perPoll.toFixed(2)} µs`);
        assert.ok(perPoll < 200, `${perPoll} µs`);
        await server.close();
        fs.rmSync(directory, { recursive: true });
    }),
);

test("an abort that follows the call at once ends the wait for a renewal", async () => {
    const server = await Server.start(() => sleep(500, {}));
    const abort = new AbortController();
    const started = performance.now();
    const done = createFetch(expired(`${server.url}/api`))(`${server.url}/api/x`, { signal: abort.signal });
    abort.abort();
    await assert.rejects(done, { name: "AbortError" });
    assert.ok(performance.now() - started < 400);
    await server.close();
});

test("after shareIn() another Promise than Node's may be the global one", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc-auth-"));
    const auth = expired();
    auth.shareIn(directory);
    const renewal = auth.poll();
    const { Promise } = globalThis;
    globalThis.Promise = class {};
    try {
        assert.equal(await renewal.complete(200, RENEWED), null);
        await auth.updateToken("c", 4_000_000_000);
    } finally {
        globalThis.Promise = Promise;
        auth.close();
        fs.rmSync(directory, { recursive: true });
    }
});
