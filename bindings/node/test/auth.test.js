"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const vm = require("node:vm");
const util = require("node:util");

const tcAuth = require("tc-auth");

const { Auth, AuthHeaders, Kind, State, Status, TcAuthError, Token, Unsealed, Url, stringToSign } = tcAuth;

const SECRET = "a-secret-that-nobody-prints";
const API_PATH = "https://company.example/api";
const HOUR = 3600;
const now = () => Math.floor(Date.now() / 1000);

/** Fails with a code. */
const code = (expected) => (error) => {
    assert.ok(error instanceof TcAuthError, util.inspect(error));
    assert.equal(error.code, expected);
    return true;
};

function tokenAuth(expires, apiPath = API_PATH) {
    const auth = Auth.token(SECRET, expires);
    auth.apiPath = apiPath;
    return auth;
}

test("import and require give the same objects", async () => {
    const imported = await import("tc-auth");
    assert.deepEqual(Object.keys(imported).sort(), Object.keys(tcAuth).sort());
    for (const [name, value] of Object.entries(tcAuth)) {
        assert.equal(imported[name], value, name);
    }
});

test("the enumerations are those of the header", () => {
    const header = fs.readFileSync(path.join(__dirname, "../../../include/tc_auth.h"), "utf8");
    for (const name of ["Status", "Advice", "Kind", "State", "Unsealed"]) {
        const members = [...header.matchAll(new RegExp(`TC_AUTH_${name.toUpperCase()}_([A-Z_]+) = (\\d+)`, "g"))];
        const expected = Object.fromEntries(members.map(([, member, number]) => [member, Number(number)]));
        assert.ok(members.length >= 3);
        assert.deepEqual(tcAuth[name], expected, name);
        assert.ok(Object.isFrozen(tcAuth[name]));
    }
});

test("one version everywhere", () => {
    const { version } = require("../package.json");
    const cargo = fs.readFileSync(path.join(__dirname, "../../../Cargo.toml"), "utf8");
    assert.equal(tcAuth.version(), version);
    assert.match(cargo, new RegExp(`^version = "${version}"$`, "m"));
    const [major, minor, patch] = version.split(".").map(Number);
    assert.equal(tcAuth.versionNumber(), (major << 16) | (minor << 8) | patch);
});

test("nothing shows a secret", () => {
    const auth = tokenAuth(1);
    const headers = auth.headers("GET", "/", { at: 0 });
    assert.ok(headers.authorization.includes(SECRET));
    const renewal = auth.poll();
    assert.ok(renewal.url.includes(SECRET));
    const token = auth.currentToken();
    assert.equal(token.value, SECRET);
    const session = new tcAuth.Session(auth);
    const error = (() => {
        try {
            session.sign("GET", API_PATH);
        } catch (thrown) {
            return thrown;
        }
    })();
    const hmac = Auth.hmac("id", SECRET);
    for (const object of [auth, headers, renewal, token, session, error, hmac, hmac.headers("GET", "/")]) {
        const shown = [
            util.inspect(object, { depth: 9, showHidden: true, getters: false }),
            util.inspect({ object }, { depth: 9 }),
            JSON.stringify({ object }),
            `${object}`,
            JSON.stringify({ ...object }),
            JSON.stringify(Object.getOwnPropertyNames(object).map((name) => object[name])),
        ];
        for (const text of shown) {
            assert.ok(text.length > 0 && !text.includes(SECRET), text);
        }
    }
    assert.deepEqual({ ...structuredClone(headers) }, {});
    renewal.cancel();
});

test("an error has a code, a number and a message, also in JSON", () => {
    const auth = Auth.hmac("id", "key");
    assert.throws(
        () => auth.headers("GET", "no/path"),
        (error) => {
            assert.equal(error.name, "TcAuthError");
            assert.equal(error.status, Status.INVALID_URI_FORM);
            assert.equal(error.message, tcAuth.statusMessage(Status.INVALID_URI_FORM));
            assert.equal(error.explanation, null);
            assert.deepEqual(JSON.parse(JSON.stringify(error)), {
                name: "TcAuthError",
                code: "INVALID_URI_FORM",
                status: 3,
                message: error.message,
            });
            return code("INVALID_URI_FORM")(error);
        },
    );
    assert.equal(new TcAuthError(98).code, "98");
    assert.match(new TcAuthError(Status.RENEWAL_REFUSED, "why").message, / \(why\)$/);
});

test("headers are pairs for whoever takes them", () => {
    const headers = Auth.hmac("id", "key").headers("GET", "/", { at: 1513703787 });
    const expected = { authorization: headers.authorization, timestamp: "1513703787" };
    assert.deepEqual(Object.fromEntries(new Headers([...headers])), expected);
    assert.deepEqual(Object.keys(Object.fromEntries(headers)), ["Authorization", "Timestamp"]);
    const withToken = Auth.token("a").headers("GET", "/");
    assert.equal(withToken.timestamp, null);
    assert.deepEqual([...withToken.entries()], [["Authorization", "TC-Token a"]]);
});

test("URL objects are signed as they are sent", () => {
    const auth = tokenAuth();
    const hmac = Auth.hmac("id", "key");
    const text = "https://company.example/api/a?b=%20c";
    for (const url of [new URL(text), new Url("https://company.example/api/a").addQuery("b", " c")]) {
        assert.equal(
            hmac.headers("GET", url, { at: 1 }).authorization,
            hmac.headers("GET", text, { at: 1 }).authorization,
        );
        assert.equal(stringToSign("GET", url, 1), "/api/a?b=%20c:GET:1");
        assert.ok(auth.headerBlock("GET", url).startsWith("Authorization: TC-Token "));
    }
    assert.throws(() => auth.headers("GET", new URL("https://other.example/")), code("OTHER_ORIGIN"));
});

test("a Session takes the same URLs, and the headers of each client", async () => {
    const auth = Auth.hmac("1", "key");
    auth.apiPath = "https://company.example/api";
    const session = new tcAuth.Session(auth);
    const text = "https://company.example/api/v3/x";
    for (const url of [text, new URL(text), auth.url("/v3/x")]) {
        assert.ok(session.covers(url));
        session.check(url);
        assert.equal(session.sign("GET", url).url, text);
        assert.equal((await session.authorize("get", url)).url, text);
    }
    const late = new Date(Date.now() + 3_600_000).toUTCString();
    const body = '{"message": "Timestamp out of acceptable time range"}';
    const signed = session.sign("GET", text);
    const unclear = [{ date: [late, late] }, { date: undefined }, { date: [] }, { date: late, age: "1" }];
    for (const headers of unclear) {
        assert.notEqual(session.review(signed, 401, Object.entries(headers), body), tcAuth.Advice.RETRY);
    }
    const headers = { "set-cookie": ["a=b", "c=d"], date: late, "x-none": undefined };
    assert.equal(session.review(signed, 401, Object.entries(headers), body), tcAuth.Advice.RETRY);
});

test("long values do not fit into the add-on's first buffers", () => {
    for (const length of [900, 1015, 1016, 1017, 1019, 1020, 1021, 1023, 1024, 1025, 5000]) {
        const token = "x".repeat(length);
        const auth = Auth.token(token);
        assert.equal(auth.headers("GET", "/").authorization, `TC-Token ${token}`);
        assert.equal(auth.headerBlock("GET", "/"), `Authorization: TC-Token ${token}\r\n`);
        assert.equal(auth.currentToken().value, token);
        const target = `/${"a".repeat(length - 1)}`;
        assert.equal(stringToSign("GET", target, 1), `${target}:GET:1`);
        assert.throws(() => auth.headers("GET", `${target}\u00e9`), code("INVALID_URI_BYTE"));
        assert.ok(Auth.hmac("id", "k".repeat(length)).headers("GET", target).authorization);
        assert.ok(Auth.hmac("id", "\u20ac".repeat(length / 3)).headers("GET", target).authorization);
        const line = auth.seal("k".repeat(length));
        assert.equal(auth.unseal(line, Buffer.from("k".repeat(length))), Unsealed.SAME);
    }
});

test("strings that C can't take are refused, each with its status", async () => {
    const auth = tokenAuth();
    for (const bad of ["a\0b", "a\ud800", "\udc00"]) {
        assert.throws(() => Auth.hmac(bad, "k"), code("INVALID_ACCESS_ID"));
        assert.throws(() => Auth.hmac("i", bad), code("INVALID_SECRET_KEY"));
        assert.throws(() => Auth.token(bad), code("INVALID_TOKEN"));
        await assert.rejects(auth.updateToken(bad), code("INVALID_TOKEN"));
        assert.throws(() => Auth.fromArgs(["--tc_token", bad]), code("INVALID_ARGUMENT"));
        assert.throws(() => Auth.discover([bad]), code("INVALID_ARGUMENT"));
        assert.throws(() => Auth.fromParameterFile(bad, "k"), code("INVALID_ARGUMENT"));
        assert.throws(() => Auth.fromParameterFile("/f", bad), code("INVALID_ARGUMENT"));
        assert.throws(() => auth.headers(bad, "/"), code("INVALID_METHOD"));
        assert.throws(() => auth.headers("GET", `/${bad}`), code("INVALID_URI_BYTE"));
        assert.throws(() => auth.headerBlock(bad, "/"), code("INVALID_METHOD"));
        assert.throws(() => auth.headerBlock("GET", `/${bad}`), code("INVALID_URI_BYTE"));
        assert.throws(() => stringToSign(bad, "/", 1), code("INVALID_METHOD"));
        assert.throws(() => auth.verify("GET", "/", bad, null), code("MALFORMED_AUTHORIZATION"));
        assert.throws(() => auth.url(`/${bad}`), code("INVALID_URI_BYTE"));
        assert.throws(() => new Url(`/${bad}`), code("INVALID_URI_BYTE"));
        assert.throws(() => new Url("/").addSegment(bad), code("INVALID_ARGUMENT"));
        assert.throws(() => new Url("/").addQuery(bad, ""), code("INVALID_ARGUMENT"));
        assert.throws(() => new Url("/").addQuery("a", bad), code("INVALID_ARGUMENT"));
        assert.throws(() => auth.seal(bad), code("INVALID_ARGUMENT"));
        assert.throws(() => auth.unseal(bad), code("SEAL_INVALID"));
        assert.throws(() => auth.shareIn(bad), code("INVALID_ARGUMENT"));
        assert.throws(() => auth.shareIn("/", bad), code("INVALID_ARGUMENT"));
        assert.throws(() => Auth.fromShared(bad), code("INVALID_ARGUMENT"));
        assert.throws(() => auth.review(new AuthHeaders(bad), 401), code("MALFORMED_AUTHORIZATION"));
    }
    assert.throws(() => Auth.fromJson('{"tc_token":"\ud800"}'), code("CONFIG_SYNTAX"));
    assert.equal(auth.currentToken().value, SECRET);
});

test("bytes are taken as they are", () => {
    const key = Buffer.from([0x6b, 0xff]);
    const one = Auth.token("a");
    const other = Auth.token("a");
    const line = one.seal(key);
    assert.equal(other.unseal(Buffer.from(line), new Uint8Array(key)), Unsealed.SAME);
    assert.throws(() => other.unseal(line, "k\u00ff"), code("SEAL_INVALID"));
    const view = new Uint8Array(Buffer.from(`  ${JSON.stringify({ tc_token: "b" })}  `)).subarray(2, -2);
    assert.equal(Auth.fromJson(view).currentToken().value, "b");
    for (const wrong of [new Uint16Array(2), new DataView(new ArrayBuffer(2)), {}, 1, true, Symbol("a")]) {
        assert.throws(() => one.seal(wrong), TypeError);
        assert.throws(() => Auth.fromJson(wrong), TypeError);
        assert.throws(() => one.unseal(wrong), TypeError);
    }
});

test("values of another type are a TypeError, which does not show them", async () => {
    const auth = tokenAuth();
    const wrong = { toString: () => SECRET };
    const calls = [
        () => Auth.hmac(wrong, "k"),
        () => Auth.hmac("i", Buffer.from(SECRET)),
        () => Auth.token(wrong),
        () => Auth.token("a", SECRET),
        () => Auth.token("a", 1n),
        () => Auth.fromArgs(SECRET),
        () => Auth.fromArgs([wrong]),
        () => Auth.fromParameterFile(wrong, "k"),
        () => Auth.fromShared(1),
        () => auth.headers(wrong, "/"),
        () => auth.headers("GET", wrong),
        () => auth.headers(),
        () => auth.headers("GET", "/", { at: SECRET }),
        () => auth.headerBlock("GET", wrong),
        () => auth.review({ authorization: SECRET }, 401),
        () => auth.review(new AuthHeaders("TC-Token a"), SECRET),
        () => auth.review(new AuthHeaders("TC-Token a"), 401, { body: wrong }),
        () => auth.review(new AuthHeaders("TC-Token a"), 401, { date: wrong }),
        () => auth.verify("GET", "/", wrong, null),
        () => new tcAuth.Session(auth, { shareIn: { directory: "/missing", key: undefined } }),
        () => new tcAuth.Session(auth).check(wrong),
        () => new tcAuth.Session(auth).covers(),
        () => new tcAuth.Session(auth).sign("GET", wrong),
        () => new Url(wrong),
        () => (auth.clockOffset = SECRET),
        () => (auth.renewalWindow = wrong),
        () => (auth.apiPath = wrong),
    ];
    for (const call of calls) {
        assert.throws(call, (error) => {
            assert.ok(error instanceof TypeError, `${call}: ${util.inspect(error)}`);
            assert.equal(error.code, "ERR_INVALID_ARG_TYPE");
            return !util.inspect(error).includes(SECRET);
        });
    }
    await assert.rejects(auth.updateToken(wrong), TypeError);
    assert.throws(() => new Auth({}), /use Auth.hmac/);
    assert.throws(() => new tcAuth.Renewal({}), /make a Renewal/);
});

test("times are whole seconds", () => {
    const auth = tokenAuth();
    for (const bad of [-1, -2, 0.5, Date.now(), NaN, Infinity, 1e300, Number.MAX_SAFE_INTEGER + 2]) {
        assert.throws(() => Auth.token("a", bad), code("INVALID_TIME"), String(bad));
        assert.throws(() => auth.headers("GET", "/", { at: bad }), code("INVALID_TIME"), String(bad));
        assert.throws(() => stringToSign("GET", "/", bad), code("INVALID_TIME"), String(bad));
    }
    for (const bad of [0.5, 86401, -86401, NaN, 2 ** 53]) {
        assert.throws(() => (auth.clockOffset = bad), code("INVALID_ARGUMENT"), String(bad));
        assert.throws(() => (auth.renewalWindow = bad), code("INVALID_ARGUMENT"), String(bad));
    }
    assert.throws(() => Auth.token("a", new Date(NaN)), code("INVALID_TIME"));
    assert.throws(() => Auth.token("a", new Date(-1)), code("INVALID_TIME"));
    assert.equal(Auth.token("a", new Date(1_999_999_999_999)).currentToken().expires, 1_999_999_999);
    for (const none of [undefined, null, 0]) {
        assert.equal(Auth.token("a", none).currentToken().expires, null);
    }
    auth.clockOffset = -86400;
    auth.renewalWindow = 0;
    assert.deepEqual([auth.clockOffset, auth.renewalWindow], [-86400, 0]);
});

test("HTTP statuses outside of 32 bits are no refusals", () => {
    const auth = Auth.token("a");
    const sent = auth.headers("GET", "/");
    for (const status of [2 ** 32 + 401, -401, 401.5, NaN]) {
        assert.equal(auth.review(sent, status, { body: "Unauthorized" }), tcAuth.Advice.ACCEPTED);
    }
});

test("a review reads each type of body, and only the beginning", () => {
    const auth = Auth.hmac("id", "key");
    const sent = auth.headers("GET", "/");
    const text = JSON.stringify({ message: "Access Denied" });
    const buffer = new Uint8Array(Buffer.from(text)).buffer;
    for (const body of [text, Buffer.from(text), new Uint8Array(buffer), buffer]) {
        assert.equal(auth.review(sent, 403, { body }), tcAuth.Advice.ACCESS_DENIED);
    }
    assert.equal(auth.review(sent, 403), tcAuth.Advice.UNKNOWN);
    const late = " ".repeat(64 << 10) + text;
    assert.equal(auth.review(sent, 403, { body: late }), tcAuth.Advice.UNKNOWN);
    assert.equal(auth.review(sent, 403, { date: "Thu\0", body: text }), tcAuth.Advice.ACCESS_DENIED);
});

test("verify", () => {
    const auth = Auth.hmac("id", "key");
    const { authorization } = auth.headers("GET", "/a", { at: 1000 });
    auth.verify("GET", "/a", authorization, "1000", { at: 1300 });
    assert.throws(() => auth.verify("GET", "/a", authorization, "1000", { at: 1301 }), code("TIMESTAMP_OUT_OF_RANGE"));
    assert.throws(
        () => auth.verify("GET", "/a", authorization, "1000", { at: 1001, tolerance: 0 }),
        code("TIMESTAMP_OUT_OF_RANGE"),
    );
    assert.throws(() => auth.verify("GET", "/b", authorization, "1000", { at: 1000 }), code("SIGNATURE_MISMATCH"));
    assert.throws(() => auth.verify("GET", "/a", authorization, undefined), code("MALFORMED_AUTHORIZATION"));
    assert.throws(() => auth.verify("GET", "/a", null, "1000"), code("MALFORMED_AUTHORIZATION"));
    const sentNow = auth.headers("GET", "/a");
    auth.verify("GET", "/a", sentNow.authorization, sentNow.timestamp);
});

test("a closed Auth", async () => {
    const auth = tokenAuth(now() + HOUR);
    assert.equal(auth.kind, Kind.TOKEN);
    auth.close();
    auth.close();
    assert.equal(auth.kind, Kind.NONE);
    assert.equal(String(auth), "closed");
    assert.equal(auth.apiPath, null);
    const sent = new AuthHeaders("TC-Token a");
    const calls = [
        () => auth.headers("GET", "/"),
        () => auth.headerBlock("GET", "/"),
        () => auth.verify("GET", "/", "TC-Token a", null),
        () => auth.currentToken(),
        () => auth.state(),
        () => auth.poll(),
        () => auth.review(sent, 401),
        () => auth.url(),
        () => auth.family(),
        () => auth.seal(),
        () => auth.unseal("TC1."),
        () => auth.shareIn("/"),
        () => auth.share(),
        () => auth.clockOffset,
        () => auth.renewalWindow,
        () => (auth.clockOffset = 1),
        () => (auth.renewalWindow = 1),
        () => (auth.apiPath = API_PATH),
        () => new tcAuth.Session(auth),
    ];
    for (const call of calls) {
        assert.throws(call, code("CLOSED"), String(call));
    }
    await assert.rejects(auth.updateToken("b"), code("CLOSED"));
    await assert.rejects(auth.ready(), code("CLOSED"));
});

test("Symbol.dispose closes and cancels", () => {
    const auth = tokenAuth(1);
    const renewal = auth.poll();
    assert.equal(auth.state().state, State.UNDER_WAY);
    renewal[Symbol.dispose]();
    assert.equal(auth.state().state, State.PAUSED);
    auth[Symbol.dispose]();
    assert.equal(auth.kind, Kind.NONE);
});

test("a renewal ends once, and outlives its Auth", async () => {
    const auth = tokenAuth(1);
    const renewal = auth.poll();
    assert.equal(renewal.needed, true);
    assert.equal(`${renewal}`, "Renewal(under way)");
    assert.throws(() => auth.poll(), code("RENEWAL_TIMEOUT"));
    assert.equal(
        await renewal.complete(200, Buffer.from('{"success":true,"apiToken":"b","apiTokenExpires":"4000000000"}')),
        null,
    );
    assert.deepEqual({ ...auth.currentToken() }, { expires: 4_000_000_000 });
    assert.equal(auth.currentToken().value, "b");
    assert.equal(`${renewal}`, "Renewal(ended)");
    await assert.rejects(renewal.complete(200, ""), code("CLOSED"));
    assert.throws(() => renewal.url, code("CLOSED"));
    assert.equal(renewal.needed, false);
    renewal.cancel();

    const second = tokenAuth(1);
    const late = second.poll();
    second.close();
    assert.ok(late.url.includes(SECRET));
    await late.complete(200, "{}").catch(() => {});
});

test("a refused renewal has the server's message", async () => {
    const auth = tokenAuth(1);
    const body = JSON.stringify({ success: false, message: `no ${SECRET} today` });
    await assert.rejects(auth.poll().complete(400, body), (error) => {
        assert.equal(error.explanation, "no *** today");
        return code("RENEWAL_REFUSED")(error);
    });
    assert.deepEqual(auth.state(), { state: State.REFUSED, seconds: 0 });
    assert.equal(auth.poll(), null);
});

test("a token is in use as soon as updateToken has been called", async () => {
    const auth = tokenAuth(1);
    const done = auth.updateToken("b", now() + HOUR);
    assert.equal(auth.headers("GET", "/").authorization, "TC-Token b");
    await done;
    await assert.rejects(Auth.hmac("i", "k").updateToken("b"), code("WRONG_KIND"));
});

test("discover says what it found", () => {
    const found = Auth.discover(["--tc_token", "a", "--tc_api_path", API_PATH]);
    assert.equal(found.apiPath, API_PATH);
    assert.match(found.why, /arguments/);
    assert.equal(Auth.token("a").why, null);
    const names = [
        "TC_TOKEN",
        "TC_TOKEN_EXPIRES",
        "TC_API_PATH",
        "TC_API_ACCESS_ID",
        "TC_API_SECRET_KEY",
        "TC_APP_PARAM_FILE",
    ];
    assert.ok(names.every((name) => process.env[name] === undefined));
    assert.throws(
        () => Auth.discover([]),
        (error) => error.explanation.length > 10 && code("NO_CREDENTIALS")(error),
    );
    process.env["TC_TOKEN"] = "from-the-environment";
    try {
        assert.equal(Auth.fromEnv().currentToken().value, "from-the-environment");
    } finally {
        delete process.env["TC_TOKEN"];
    }
});

test("the parameter file, by each type of path", () => {
    const vectors = path.join(__dirname, "../../../tests/vectors");
    const cases = JSON.parse(fs.readFileSync(path.join(vectors, "credentials.json"), "utf8"));
    const good = cases.find((one) => one.source === "param_file" && one.status === "OK");
    const file = path.join(vectors, "params", good.file);
    for (const place of [file, Buffer.from(file), require("node:url").pathToFileURL(file)]) {
        assert.equal(String(Auth.fromParameterFile(place, good.key)), good.describe);
    }
    assert.throws(() => Auth.fromParameterFile(file, Buffer.alloc(16, "x")), code("CONFIG_DECRYPT"));
    assert.throws(() => Auth.fromParameterFile("/missing", good.key), code("CONFIG_IO"));
});

test("an id of a closed Auth gives none", () => {
    const auth = Auth.token("a");
    const id = auth.share();
    const same = Auth.fromShared(id);
    auth.close();
    assert.equal(same.currentToken().value, "a");
    same.close();
    assert.throws(() => Auth.fromShared(id), code("CLOSED"));
});

test("what is not closed is freed when it is collected", async () => {
    require("node:v8").setFlagsFromString("--expose-gc");
    const gc = require("node:vm").runInNewContext("gc");
    // A handle can be found until its last Auth is freed. Those that share() was called of are closed.
    let ids = Array.from({ length: 100 }, () => {
        const auth = Auth.token("a");
        const id = auth.share();
        Auth.fromShared(id);
        auth.close();
        return id;
    });
    Auth.fromShared(ids.at(-1)).close();
    for (let attempt = 0; attempt < 50 && ids.length > 2; attempt++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
        ids = ids.filter((id) => {
            try {
                Auth.fromShared(id).close();
                return true;
            } catch {
                return false;
            }
        });
    }
    assert.ok(ids.length <= 2, `${ids.length} are left`);

    const auth = tokenAuth(1);
    (() => assert.ok(auth.poll()))();
    for (let attempt = 0; attempt < 50 && auth.state().state !== State.PAUSED; attempt++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal(auth.state().state, State.PAUSED, "a lost renewal is cancelled");
});

test("Token and AuthHeaders can be made by hand", () => {
    assert.equal(new Token("a", null).value, "a");
    assert.equal(new AuthHeaders("TC id:x", 5).timestamp, 5);
});

test("bytes and dates of another realm are taken, and what only looks like bytes is not", () => {
    const [bytes, date] = vm.runInNewContext("[new Uint8Array([123, 125]), new Date(4e12)]");
    assert.throws(() => Auth.fromJson(bytes), code("NO_CREDENTIALS"));
    assert.equal(Auth.token("a", date).currentToken().expires, 4_000_000_000);
    assert.throws(() => Auth.fromJson(Object.create(Uint8Array.prototype)), TypeError);
});
