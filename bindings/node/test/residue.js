"use strict";

// Makes the calls that handle secrets, for tests/residue/scan.c to look for them afterwards in the memory of this process.
//
//     node --expose-gc --clear-free-memory residue.js [plant]
//
// A program can't overwrite a string, so most leave it behind. This one passes bytes, and collects the strings that calls
// return in memory that V8 clears: what is found then are copies that the add-on makes. For Linux.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { native } = require("../lib/library.js");

// Numbers and lengths of secrets in tests/residue/secrets.h.
// The longest one does not fit into the buffers that the add-on has on the stack.
const LENGTHS = { 0: 48, 5: 60, 6: 61, 7: 300, 8: 5000 };
const [KEY_48, TOKEN_60, TOKEN_61, TOKEN_300, TOKEN_5000] = Object.keys(LENGTHS).map(Number);

// Memory of this program's own, which is not looked at: larger than what malloc() takes from a heap.
const arena = new Uint8Array(64 << 20);
let used = 0;

function room(length) {
    used += length;
    return arena.subarray(used - length, used);
}

function write(text) {
    const view = room(text.length);
    for (let i = 0; i < text.length; i++) {
        view[i] = text.charCodeAt(i);
    }
    return view;
}

/** A secret, made as in secrets.h. */
function secret(number) {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:+/=";
    const size = number === KEY_48 ? 62n : 66n;
    let state = BigInt.asUintN(64, 0x9e3779b97f4a7c15n * BigInt(number + 1));
    const view = room(LENGTHS[number]);
    for (let i = 0; i < view.length; i++) {
        state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
        view[i] = alphabet.charCodeAt(Number((state >> 33n) % size));
    }
    return view;
}

function join(...parts) {
    const view = room(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        for (let i = 0; i < part.length; i++) {
            view[at++] = typeof part === "string" ? part.charCodeAt(i) : part[i];
        }
    }
    return view;
}

/** Where the arena is: the mapping that has what was written there. */
function address() {
    const mark = write(`${process.pid}${process.hrtime.bigint()}`);
    const memory = fs.openSync("/proc/self/mem", "r");
    const found = [];
    for (const line of fs.readFileSync("/proc/self/maps", "latin1").split("\n")) {
        const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
        if (start !== undefined && parseInt(end, 16) - parseInt(start, 16) >= arena.length) {
            // malloc() puts 16 bytes before what it returns, at the start of a page.
            for (let at = parseInt(start, 16) + 16; at < parseInt(end, 16) - arena.length; at += 4096) {
                const there = Buffer.alloc(mark.length);
                fs.readSync(memory, there, 0, there.length, at);
                if (there.equals(mark)) {
                    found.push(at);
                }
            }
        }
    }
    fs.closeSync(memory);
    equal(found.length, 1);
    return found[0];
}

function equal(actual, expected) {
    if (actual !== expected) {
        throw new Error(`${typeof actual} instead of ${expected}`); // it may be a secret
    }
}

/** A string that is no secret must come back, or an object. */
function good(result) {
    if (typeof result === "number") {
        throw new Error(`status ${result}`);
    }
    return result;
}

const API_PATH = "https://company.example/api";
const TARGET = "/api/v3/indicators";
const now = () => Math.floor(Date.now() / 1000);

function collectAndLook(name) {
    for (let i = 0; i < 5; i++) {
        globalThis.gc();
    }
    look(name);
}

/** No handle is open. After calls that return no string with a secret it is called at once: later ones overwrite the stack. */
function look(name) {
    fs.writeSync(1, `check ${name} - 0\n`);
    fs.readSync(0, Buffer.alloc(1));
}

function headers(handle) {
    for (let i = 0; i < 3; i++) {
        good(native.headers(handle, "GET", TARGET, -1));
        good(native.headers(handle, "GET", TARGET, 1513703787));
        good(native.sign(handle, "GET", TARGET));
        good(native.headerBlock(handle, "GET", TARGET));
    }
    equal(native.headers(handle, "GET", "x", -1), 3);
    good(native.describe(handle));
}

function hmac() {
    const handle = good(native.newHmac("12345678901234567890", secret(KEY_48)));
    headers(handle);
    native.close(handle);
    equal(native.newHmac("a b", secret(KEY_48)), 5);
}

/** The calls that return no string with a secret. */
function withoutStrings(number) {
    const hmac = good(native.newHmac("12345678901234567890", secret(KEY_48)));
    native.close(hmac);
    const handle = good(native.newToken(secret(number), 0));
    const authorization = join("TC-Token ", secret(number));
    equal(native.verify(handle, "GET", TARGET, authorization, null, -1, 300), 0);
    equal(native.review(handle, authorization, -1, 403, null, "nobody's message"), 0);
    native.updateToken(handle, secret(number), now() + 60);
    native.close(handle);
}

/** One kind of call: the next one would overwrite what it leaves behind. */
function signed(number, call) {
    const handle = good(native.newToken(secret(number), 0));
    good(call(handle));
    native.close(handle);
    collectAndLook(`${call.name}_${number}`);
}

async function token(number, following) {
    const handle = good(native.newToken(secret(number), 0));
    equal(native.setApiPath(handle, API_PATH), 0);
    headers(handle);
    native.updateToken(handle, secret(number), now() - 60);
    const ticket = good(native.poll(handle));
    good(native.renewalUrl(ticket));
    const [status] = await native.complete(ticket, 200, join('{"success":true,"apiToken":"', secret(following), '"}'));
    equal(status, 0);
    headers(handle);
    equal(good(native.token(handle)).length, LENGTHS[following]);
    native.close(handle);
}

async function refusal() {
    const handle = good(native.newToken(secret(TOKEN_60), now() - 60));
    equal(native.setApiPath(handle, API_PATH), 0);
    const [status] = await native.complete(good(native.poll(handle)), 200, join('{"apiToken":"', secret(TOKEN_300)));
    equal(status, 13);
    native.close(handle);
}

function seal() {
    const key = secret(KEY_48);
    const [one, other] = [native.newToken(secret(TOKEN_60), 0), native.newToken(secret(TOKEN_60), 0)];
    native.updateToken(other, secret(TOKEN_300), 0);
    equal(native.unseal(one, good(native.seal(other, key)), key), 0);
    equal(native.seal(one, join("\0", secret(KEY_48))), 24);
    native.close(one);
    native.close(other);
}

async function share() {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
    const handle = good(native.newToken(secret(TOKEN_60), 0));
    equal(native.shareIn(handle, directory, secret(KEY_48)), 0);
    const [status] = await native.updateToken(handle, secret(TOKEN_300), 0);
    equal(status, 0);
    native.close(handle);
    fs.rmSync(directory, { recursive: true });
}

function configuration() {
    native.close(good(native.fromJson(join('{"tc_token":"', secret(TOKEN_60), '"}'))));
    native.close(good(native.fromArgs([join("--tc_token=", secret(TOKEN_300))])));
}

async function main() {
    fs.writeSync(1, `arena ${address().toString(16)} ${arena.length.toString(16)}\n`);
    for (const number of [TOKEN_60, TOKEN_300, TOKEN_5000]) {
        withoutStrings(number);
        look(`without_strings_${number}`);
    }
    for (const number of [TOKEN_300, TOKEN_5000]) {
        signed(number, function headers(handle) {
            return native.headers(handle, "GET", TARGET, -1);
        });
        signed(number, function block(handle) {
            return native.headerBlock(handle, "GET", TARGET);
        });
    }
    hmac();
    collectAndLook("hmac");
    await token(TOKEN_60, TOKEN_300);
    await token(TOKEN_300, TOKEN_61);
    await token(TOKEN_5000, TOKEN_60);
    await token(TOKEN_61, TOKEN_5000);
    collectAndLook("token");
    await refusal();
    collectAndLook("refusal");
    seal();
    collectAndLook("seal");
    await share();
    look("share");
    configuration();
    look("configuration");
    if (process.argv.length > 2) {
        const planted = Buffer.from(secret(TOKEN_61)); // a copy that nobody wipes
        look("planted");
        process.stderr.write(`${planted.length}\n`);
    }
}

main();
