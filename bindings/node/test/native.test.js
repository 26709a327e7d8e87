"use strict";

// What the add-on must withstand: other objects, hostile arrays, very long values, and what somebody did to JavaScript's own
// prototypes. Some tests call its functions directly, as the classes of this package never would.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");
const { Worker } = require("node:worker_threads");

const tcAuth = require("tc-auth");

const { Advice, Auth, AuthHeaders, Renewal, Session, State, Status, TcAuthError, Url, stringToSign } = tcAuth;
const { native } = require("../lib/library.js");

const ADDON = process.env["TC_AUTH_ADDON"] ?? path.join(__dirname, "..", "build", "Release", "tc_auth.node");
const API_PATH = "https://company.example/api";
const MEBIBYTE = 1 << 20;
const LONGEST = 16 << 20;

function code(expected, message = /./) {
    return (error) => {
        assert.ok(error instanceof TcAuthError, error);
        assert.equal(error.code, expected);
        assert.match(error.message, message);
        return true;
    };
}

function dueAuth() {
    const auth = Auth.token("a", 1);
    auth.apiPath = API_PATH;
    return auth;
}

/** One object of each kind, of an add-on. */
function objectsOf(addon) {
    const handle = addon.newToken("a", 1);
    assert.equal(addon.setApiPath(handle, API_PATH), Status.OK);
    return { handle, ticket: addon.poll(handle), builder: addon.newUrl("/") };
}

/** Calls that take an object of one kind, and what they return for another one. */
const CALLS = {
    handle: {
        headers: (addon, object) => addon.headers(object, "GET", "/", -1) === Status.NULL_ARGUMENT,
        kind: (addon, object) => addon.kind(object) === 0,
        updateToken: (addon, object) => addon.updateToken(object, "b", 0) === Status.NULL_ARGUMENT,
        poll: (addon, object) => addon.poll(object) === Status.NULL_ARGUMENT,
        shareIn: (addon, object) => addon.shareIn(object, "/", null) === Status.NULL_ARGUMENT,
        share: (addon, object) => addon.share(object, "tc-auth:x") === Status.NULL_ARGUMENT,
        close: (addon, object) => addon.close(object) === undefined,
    },
    ticket: {
        renewalUrl: (addon, object) => addon.renewalUrl(object) === null,
        renewalNeeded: (addon, object) => addon.renewalNeeded(object) === false,
        complete: (addon, object) => addon.complete(object, 200, "") === Status.NULL_ARGUMENT,
        cancel: (addon, object) => addon.cancel(object) === undefined,
    },
    builder: {
        addSegment: (addon, object) => addon.addSegment(object, "a") === Status.NULL_ARGUMENT,
        urlString: (addon, object) => addon.urlString(object) === null,
    },
};

test("an object of another kind is not taken", () => {
    const objects = objectsOf(native);
    const others = [{}, [], undefined, null, 1, "a", Symbol("a"), () => {}, Buffer.alloc(64), new Proxy({}, {})];
    for (const [kind, calls] of Object.entries(CALLS)) {
        const { [kind]: _, ...wrong } = objects;
        for (const [name, isRefused] of Object.entries(calls)) {
            for (const object of [...Object.values(wrong), ...others]) {
                assert.ok(isRefused(native, object), name);
            }
        }
    }
    assert.equal(native.headers(objects.handle, "GET", "/", 0), "TC-Token a");
    assert.ok(native.renewalUrl(objects.ticket).startsWith(API_PATH));
    assert.equal(native.urlString(objects.builder), "/");
});

test("an object of another add-on is not taken, even if that is a copy", (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const file = path.join(directory, "copy.node");
    fs.copyFileSync(ADDON, file);
    const objects = objectsOf(require(file));
    for (const [kind, calls] of Object.entries(CALLS)) {
        for (const [name, isRefused] of Object.entries(calls)) {
            assert.ok(isRefused(native, objects[kind]), name);
        }
    }
});

test("nobody else makes a Renewal or a Url of an object", () => {
    for (const Class of [Auth, Renewal, Session, Url]) {
        const statics = Object.getOwnPropertyNames(Class).filter(
            (name) => !["length", "name", "prototype"].includes(name),
        );
        assert.deepEqual(
            statics.filter((name) => /^(from|make|new)$/i.test(name)),
            [],
        );
    }
    assert.throws(() => new Renewal({}, () => {}), /make a Renewal/);
    assert.throws(() => new Url({}), TypeError);
});

test("handles are closed in constant time, in any order", () => {
    const COUNT = 100_000;
    const opened = () => {
        const all = Array.from({ length: COUNT }, () => Auth.hmac("1", "k"));
        all.forEach((auth) => auth.share()); // those have places where fromShared() finds them
        return all;
    };
    const closing = (all) => {
        const start = process.cpuUsage();
        all.forEach((auth) => auth.close());
        const { user, system } = process.cpuUsage(start);
        return user + system;
    };
    const newestFirst = closing(opened().reverse());
    const mixed = opened();
    let state = 1;
    for (let index = COUNT - 1; index > 0; index--) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        const other = state % (index + 1);
        [mixed[index], mixed[other]] = [mixed[other], mixed[index]];
    }
    const atRandom = closing(mixed);
    assert.ok(atRandom < 20 * newestFirst, `${atRandom} µs, and ${newestFirst} µs if the newest one is first`);
});

test("arguments are an array of strings, of its own", () => {
    for (const make of [Auth.fromArgs, Auth.discover]) {
        for (const bad of [new Array(5), ["a", , "b"], [undefined], Object.assign([], { length: 3 })]) {
            assert.throws(
                () => make(bad),
                (error) => error instanceof TypeError && error.code === "ERR_INVALID_ARG_TYPE",
            );
        }
        assert.throws(() => make(new Array(5)), /^TypeError: args\[0\] must be a string, not undefined$/);
        for (const many of [new Array(2e8), new Array(MEBIBYTE + 1).fill("a")]) {
            assert.throws(() => make(many), code("INVALID_ARGUMENT", /more than 1048576 arguments/));
        }
        const long = "a".repeat(MEBIBYTE);
        assert.throws(() => make(new Array(17).fill(long)), code("INVALID_ARGUMENT"));
        assert.throws(
            () => make(["a".repeat(LONGEST + 1)]),
            code("INVALID_ARGUMENT", /args\[0\] is longer than 16777216/),
        );
    }
    assert.equal(native.fromArgs(new Array(2e8)), Status.INVALID_ARGUMENT);
    assert.equal(native.fromArgs(new Array(5)), -1);
    assert.equal(native.fromArgs({ length: 5 }), -1);
    const args = ["--tc_token", "a", ...new Array(10_000).fill("--other"), `--long=${"x".repeat(5000)}`];
    assert.equal(Auth.fromArgs(args).currentToken().value, "a");
    // A subclass whose map() returns something else.
    class Hostile extends Array {
        static get [Symbol.species]() {
            return function () {
                return { length: 2e8 };
            };
        }
    }
    assert.equal(Auth.fromArgs(Hostile.from(["--tc_token=b"])).currentToken().value, "b");
});

/** Runs something while prototypes have other members. It does not wait, because the tests' own code would see them. */
function polluted(changes, run) {
    for (const [prototype, name, descriptor] of changes) {
        Object.defineProperty(prototype, name, { ...descriptor, configurable: true });
    }
    try {
        return run();
    } finally {
        for (const [prototype, name] of changes) {
            delete prototype[name];
        }
    }
}

test("setters on Array.prototype get nothing", async () => {
    const seen = [];
    const due = dueAuth();
    const setters = [0, 1, 2].map((index) => {
        const setter = { get: () => "--tc_token=planted", set: (value) => seen.push(value) };
        return [Array.prototype, index, setter];
    });
    const ticket = due.poll();
    const [found, updated, renewed, missing] = polluted(setters, () => {
        const found = Auth.discover(["--tc_token", "a"]);
        const updated = found.updateToken("b");
        const renewed = ticket.complete(200, '{"success":true,"apiToken":"c","message":"fine"}');
        try {
            return [found, updated, renewed, Auth.fromArgs(new Array(3))];
        } catch (error) {
            return [found, updated, renewed, error];
        }
    });
    await updated;
    assert.equal(await renewed, "fine");
    assert.deepEqual(seen, []);
    assert.match(found.why, /arguments/);
    assert.equal(found.currentToken().value, "b");
    assert.equal(due.currentToken().value, "c");
    assert.ok(missing instanceof TypeError, missing);
});

test("what Object.prototype has is no option", async () => {
    const auth = Auth.hmac("id", "key");
    const { authorization } = auth.headers("GET", "/", { at: 1000 });
    const sent = new AuthHeaders("TC-Token a");
    const changes = {
        at: 1000,
        tolerance: 86_400,
        date: {},
        body: '{"message":"Access Denied"}',
        signal: {},
        host: "x",
    };
    const pairs = Object.entries(changes).map(([name, value]) => [Object.prototype, name, { value }]);
    const session = new Session(dueAuth());
    session.auth.poll().cancel();
    await session.auth.updateToken("a");
    const authorized = polluted(pairs, () => {
        assert.ok(auth.headers("GET", "/", {}).timestamp > 1000);
        assert.throws(() => auth.verify("GET", "/", authorization, "1000", {}), code("TIMESTAMP_OUT_OF_RANGE"));
        const options = { at: 1301 };
        assert.throws(() => auth.verify("GET", "/", authorization, "1000", options), code("TIMESTAMP_OUT_OF_RANGE"));
        assert.equal(Auth.token("a").review(sent, 403, {}), Advice.UNKNOWN);
        return session.authorize("GET", `${API_PATH}/v3/x`, {});
    });
    assert.equal((await authorized).url, `${API_PATH}/v3/x`);
    assert.throws(() => auth.headers("GET", "/", { At: 1 }), /no member "At"/);
    assert.throws(() => auth.headers("GET", "/", 1), TypeError);
});

test("setters on Object.prototype do not get the functions of the add-on", (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const file = path.join(directory, "copy.node");
    fs.copyFileSync(ADDON, file);
    const seen = [];
    const addon = polluted([[Object.prototype, "newToken", { set: (value) => seen.push(value) }]], () => require(file));
    assert.deepEqual(seen, []);
    assert.equal(typeof addon.newToken("a", 0), "object");
    assert.throws(() => (addon.newToken = () => {}), TypeError);
});

test("the id of a shared Auth", () => {
    const auth = Auth.token("a");
    const id = auth.share();
    assert.match(id, /^tc-auth:[0-9a-f]{32}$/);
    assert.equal(auth.share(), id);
    assert.equal(Auth.fromShared(id).share(), id);
    assert.notEqual(Auth.token("a").share(), id);
    const forms = [
        "",
        "tc-auth",
        "tc-auth:",
        `${id}0`,
        id.slice(0, -1),
        ` ${id}`,
        `${id}\n`,
        id.toUpperCase(),
        `${id}\u00e9`,
    ];
    for (const bad of [...forms, "tc-auth:1:1", id.replace("tc-auth", "tc_auth")]) {
        assert.throws(
            () => Auth.fromShared(bad),
            code("INVALID_ARGUMENT", /not an id that Auth\.share\(\) returned/),
            bad,
        );
    }
    const unknown = id.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
    assert.throws(() => Auth.fromShared(unknown), code("CLOSED", /this process has no open Auth with this id/));
    // What the add-on has of a handle that was never shared can't be found, whatever its name could be.
    native.newToken("a", 0);
    for (const bad of ["", "\0", 1, undefined, "x".repeat(100)]) {
        assert.equal(typeof native.fromShared(bad), "number");
    }
    for (const bad of ["", "x".repeat(100), 1]) {
        assert.notEqual(typeof native.share(native.newToken("a", 0), bad), "string");
    }
});

test("values that are too long are refused by their length", async () => {
    // A rope that can't be copied within the time that this test has: its parts are shared.
    const long = "x".repeat(500_000_000);
    const bytes = new Uint8Array(LONGEST + 1);
    const auth = dueAuth();
    const url = `${API_PATH}/${long}`;
    const before = process.memoryUsage.rss();
    const calls = [
        ["INVALID_ACCESS_ID", () => Auth.hmac(long, "k")],
        ["INVALID_SECRET_KEY", () => Auth.hmac("i", long)],
        ["INVALID_TOKEN", () => Auth.token(long)],
        ["CONFIG_SYNTAX", () => Auth.fromJson(long)],
        ["CONFIG_SYNTAX", () => Auth.fromJson(bytes)],
        ["INVALID_ARGUMENT", () => Auth.fromArgs(["--tc_token", long])],
        ["INVALID_ARGUMENT", () => Auth.fromParameterFile(long, "k")],
        ["INVALID_ARGUMENT", () => Auth.fromParameterFile("/f", long)],
        ["INVALID_ARGUMENT", () => Auth.fromShared(long)],
        ["INVALID_METHOD", () => auth.headers(long, "/")],
        ["INVALID_URI_BYTE", () => auth.headers("GET", url)],
        ["INVALID_METHOD", () => auth.headerBlock(long, "/")],
        ["INVALID_URI_BYTE", () => auth.headerBlock("GET", url)],
        ["INVALID_METHOD", () => auth.sign(long, "/")],
        ["INVALID_URI_BYTE", () => auth.sign("GET", url)],
        ["INVALID_METHOD", () => stringToSign(long, "/", 1)],
        ["INVALID_URI_BYTE", () => stringToSign("GET", url, 1)],
        ["INVALID_METHOD", () => auth.verify(long, "/", "TC-Token a", null)],
        ["INVALID_URI_BYTE", () => auth.verify("GET", url, "TC-Token a", null)],
        ["MALFORMED_AUTHORIZATION", () => auth.verify("GET", "/", long, null)],
        ["MALFORMED_AUTHORIZATION", () => auth.verify("GET", "/", "TC-Token a", long)],
        ["MALFORMED_AUTHORIZATION", () => auth.review(new AuthHeaders(long), 401)],
        ["INVALID_URI_BYTE", () => auth.url(long)],
        ["INVALID_URI_BYTE", () => new Url(long)],
        ["INVALID_ARGUMENT", () => new Url("/").addSegment(long)],
        ["INVALID_ARGUMENT", () => new Url("/").addQuery(long, "")],
        ["INVALID_ARGUMENT", () => new Url("/").addQuery("a", long)],
        ["INVALID_ARGUMENT", () => auth.seal(long)],
        ["INVALID_ARGUMENT", () => auth.seal(bytes)],
        ["SEAL_INVALID", () => auth.unseal(long)],
        ["SEAL_INVALID", () => auth.unseal(bytes)],
        ["INVALID_ARGUMENT", () => auth.unseal("a", long)],
        ["INVALID_ARGUMENT", () => auth.shareIn(long)],
        ["INVALID_ARGUMENT", () => auth.shareIn("/", long)],
    ];
    for (const [expected, call] of calls) {
        assert.throws(call, code(expected, /is longer than 16777216/), String(call));
    }
    assert.throws(() => (Auth.token("a").apiPath = long), code("INVALID_URI_BYTE", /is longer than 16777216/));
    await assert.rejects(auth.updateToken(long), code("INVALID_TOKEN", /is longer than 16777216/));
    assert.equal(auth.review(new AuthHeaders("TC-Token a"), 403, { date: long }), Advice.UNKNOWN);
    await assert.rejects(auth.poll().complete(200, long), code("RENEWAL_BAD_RESPONSE"));
    assert.equal(auth.state().state, State.PAUSED);
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 100 << 20, `${grown >> 20} MiB`);

    const longest = "x".repeat(LONGEST);
    assert.equal(Auth.token(longest).headers("GET", "/").authorization.length, 9 + LONGEST);
    assert.equal(stringToSign("GET", `/${longest.slice(1)}`, 1).length, LONGEST + 6);
    assert.equal(new Url("/").addSegment(longest).toString().length, LONGEST + 1);
});

test("threads share and close at the same time", async () => {
    const program = `
        const { parentPort, workerData } = require("node:worker_threads");
        const { Auth } = require("tc-auth");
        const all = [];
        for (let index = 0; index < 2000; index++) {
            const auth = Auth.hmac("1", "k");
            const id = auth.share();
            all.push(Auth.fromShared(id), Auth.fromShared(workerData));
            auth.close();
            if (index % 3 === 0) {
                all.splice(index % all.length, 1)[0].close();
            }
        }
        all.forEach((auth) => auth.close());
        parentPort.postMessage("done");
    `;
    const auth = Auth.hmac("1", "k");
    const workers = Array.from({ length: 3 }, () => new Worker(program, { eval: true, workerData: auth.share() }));
    await Promise.all(
        workers.map(
            (worker) =>
                new Promise((resolve, reject) => {
                    worker.once("error", reject).once("exit", resolve);
                }),
        ),
    );
    auth.headers("GET", "/");
    auth.close();
});
