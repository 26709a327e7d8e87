"use strict";

// Worker threads that share an Auth, and processes of `cluster` that share a token in a directory.

const assert = require("node:assert");
const { fork } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");
const v8 = require("node:v8");
const vm = require("node:vm");
const { Worker } = require("node:worker_threads");

const { Auth, State } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");

const PREAMBLE = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Auth, createFetch } = require("tc-auth");
`;

/** A thread that runs this code. Its file is here, so that it finds the package. */
function worker(code, workerData) {
    return new Worker(PREAMBLE + code, { eval: true, workerData });
}

async function message(from) {
    const [value] = await Promise.race([
        once(from, "message"),
        once(from, "error").then(([error]) => Promise.reject(error)),
        once(from, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
    ]);
    return value;
}

/** A token that must be renewed: an expiry of 1 is long past. */
function dueAuth(fake) {
    const auth = Auth.token(fake.issueToken().token, 1);
    auth.apiPath = fake.apiPath;
    return auth;
}

async function collectGarbage() {
    v8.setFlagsFromString("--expose-gc");
    const collect = vm.runInNewContext("gc");
    for (let round = 0; round < 5; round++) {
        collect();
        await new Promise(setImmediate);
    }
}

test("threads with one Auth renew its token once", async (t) => {
    const fake = await FakePlatform.start({ tokenLife: 3600 });
    t.after(() => fake.close());
    const auth = dueAuth(fake);
    const code = `
        const auth = Auth.fromShared(workerData);
        const fetch = createFetch(auth);
        const all = Array.from({ length: 25 }, () => fetch(auth.url("/v3/indicators")).then(async (response) => {
            await response.arrayBuffer();
            return response.status;
        }));
        Promise.all(all).then((statuses) => parentPort.postMessage(statuses));
    `;
    const workers = Array.from({ length: 4 }, () => worker(code, auth.share()));
    for (const statuses of await Promise.all(workers.map(message))) {
        assert.deepEqual(new Set(statuses), new Set([200]));
    }
    assert.equal(fake.renewals, 1);
    assert.equal(fake.requests.length, 100);
    // A thread that has ended left its part of the handle behind for the others.
    await Promise.all(workers.map((each) => each.terminate()));
    auth.headers("GET", "/api/v3/indicators");
    auth.close();
});

test("an Auth that is shared is not collected, and ends when all have closed it", async () => {
    const share = () => Auth.hmac("12345678901234567890", "key").share();
    const id = share();
    await collectGarbage();
    const another = Auth.fromShared(id);
    another.headers("GET", "/api/v3/indicators");

    const first = Auth.hmac("12345678901234567890", "key");
    const second = Auth.fromShared(first.share());
    first.close();
    second.headers("GET", "/api/v3/indicators");
    Auth.fromShared(second.share()).close();
    const last = second.share();
    second.close();
    assert.throws(() => Auth.fromShared(last), { code: "CLOSED" });
});

test("a thread that is terminated frees its part", async () => {
    const code = `
        const auth = Auth.hmac("12345678901234567890", "key");
        auth.headers("GET", "/api/v3/indicators");
        parentPort.postMessage(auth.share());
        setInterval(() => auth.headers("GET", "/api/v3/indicators"), 1);
    `;
    for (let round = 0; round < 5; round++) {
        const thread = worker(code);
        const id = await message(thread);
        Auth.fromShared(id).close();
        await thread.terminate();
        assert.throws(() => Auth.fromShared(id), { code: "CLOSED" });
    }
});

test("a thread that is terminated gives back its ticket", async (t) => {
    const fake = await FakePlatform.start({ tokenLife: 3600 });
    t.after(() => fake.close());
    const auth = dueAuth(fake);
    const code = `
        globalThis.ticket = Auth.fromShared(workerData).poll();
        parentPort.postMessage(ticket !== null);
        setInterval(() => {}, 1000);
    `;
    const thread = worker(code, auth.share());
    assert.equal(await message(thread), true);
    assert.equal(auth.state().state, State.UNDER_WAY);
    assert.throws(() => auth.poll(), { code: "RENEWAL_TIMEOUT" });
    await thread.terminate();
    assert.equal(auth.state().state, State.PAUSED);
    assert.equal(auth.poll(), null);
    auth.close();
});

test("threads begin and end while the add-on works", async () => {
    const code = `
        const auth = Auth.fromShared(workerData);
        for (let index = 0; index < 200; index++) {
            auth.headers("GET", "/api/v3/indicators");
        }
        parentPort.postMessage("signed");
    `;
    const auth = Auth.hmac("12345678901234567890", "key");
    for (let round = 0; round < 6; round++) {
        const threads = Array.from({ length: 4 }, () => worker(code, auth.share()));
        await Promise.all(threads.slice(0, 2).map(message));
        await Promise.all(threads.map((each) => each.terminate()));
    }
    auth.close();
});

test("processes of cluster share a token, also when one is killed", { timeout: 60_000 }, async (t) => {
    const fake = await FakePlatform.start({ tokenLife: 3600 });
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc-auth-"));
    t.after(async () => {
        await fake.close();
        fs.rmSync(directory, { recursive: true });
    });
    // The platform renews the first token once; whoever asks again for the same gets no answer.
    const environment = {
        ...process.env,
        TC_API_PATH: fake.apiPath,
        TC_TOKEN: fake.issueToken().token,
        TC_TOKEN_EXPIRES: "1",
        TOKEN_DIRECTORY: directory,
    };
    const primary = fork(path.join(__dirname, "cluster.js"), { env: environment });
    const result = await message(primary);
    assert.deepEqual(result, { statuses: { 200: 5 * 20 }, failures: [], killed: 1 });
    assert.equal(fake.renewals, 1);
    assert.deepEqual(fake.refused, []);
});
