"use strict";

// The program that tests/platform/conformance.py and hostile.py drive, for Node.js.
//
//     node conformance.js CLIENT      fetch, undici or axios: what it sends with
//
// tests/platform/README.md lists the commands.

const readline = require("node:readline");
const { setTimeout: sleep } = require("node:timers/promises");

const {
    Advice,
    adviceMessage,
    adviceName,
    Auth,
    AuthHeaders,
    Kind,
    State,
    Status,
    statusMessage,
    statusName,
    stringToSign,
    TcAuthError,
    Unsealed,
    Url,
    version,
    versionNumber,
} = require("tc-auth");

const { Entry, nameOf } = require("./entry.js");

const client = process.argv[2] ?? "fetch";
const auths = new Map();
const renewals = new Map();
const entries = new Map();

/** JavaScript can't express an argument. */
class Skip extends Error {}

/** The bytes that came, for an argument that may be bytes. */
const raw = (field) => field && Buffer.from(field);

/** For an argument that is a string. */
function text(field) {
    const decoded = field.toString();
    if (!Buffer.from(decoded).equals(field)) {
        throw new Skip("a string is Unicode");
    }
    return decoded;
}

const optional = (field) => (field === null ? null : text(field));
const number = (field) => Number(text(field));
const expiry = (field) => number(field) || undefined;
const numbers = (enumeration) => Object.entries(enumeration).map(([name, value]) => `${name}=${value}`);
const nameIn = (enumeration, value) => Object.keys(enumeration).find((name) => enumeration[name] === value);
const auth = (name) => auths.get(text(name));

function keep(name, made) {
    auths.get(text(name))?.close();
    auths.set(text(name), made);
}

const commands = {
    hello: () => [`Node.js ${process.versions.node}, ${nameOf(client)}`, version()],
    version_number: () => [versionNumber()],
    statuses: () => numbers(Status),
    kinds: () => numbers(Kind),
    advices: () => numbers(Advice),
    states: () => numbers(State),
    unsealeds: () => numbers(Unsealed),
    status_name: (code) => [statusName(number(code))],
    advice_name: (code) => [adviceName(number(code))],
    status_message: (code) => [statusMessage(number(code))],
    advice_message: (code) => [adviceMessage(number(code))],

    new_hmac: (name, id, key) => keep(name, Auth.hmac(text(id), text(key))),
    new_token: (name, token, expires) => keep(name, Auth.token(text(token), expiry(expires))),
    from_json: (name, json) => keep(name, Auth.fromJson(raw(json))),
    from_args: (name, ...args) => keep(name, Auth.fromArgs(args.map(text))),
    from_env: (name) => keep(name, Auth.fromEnv()),
    from_param_file: (name, path, key) => keep(name, Auth.fromParameterFile(text(path), raw(key))),
    discover(name, ...args) {
        const found = Auth.discover(args.map(text));
        keep(name, found);
        return [found.why];
    },
    close: (name) => auth(name).close(),
    kind: (name) => [nameIn(Kind, auth(name).kind)],
    describe: (name) => [String(auth(name))],

    headers(name, method, url, at) {
        const options = number(at) === -1 ? {} : { at: number(at) };
        const { authorization, timestamp } = auth(name).headers(text(method), text(url), options);
        return [authorization, timestamp];
    },
    header_block: (name, method, url) => [auth(name).headerBlock(text(method), text(url))],
    string_to_sign: (method, url, at) => [stringToSign(text(method), text(url), number(at))],
    verify(name, method, url, authorization, timestamp, at, tolerance) {
        const options = { at: number(at), tolerance: number(tolerance) };
        auth(name).verify(text(method), text(url), optional(authorization), optional(timestamp), options);
    },

    set_api_path(name, path) {
        auth(name).apiPath = text(path);
    },
    api_path: (name) => [auth(name).apiPath],
    set_renewal_window(name, seconds) {
        auth(name).renewalWindow = number(seconds);
    },
    renewal_window: (name) => [auth(name).renewalWindow],
    set_clock_offset(name, seconds) {
        auth(name).clockOffset = number(seconds);
    },
    clock_offset: (name) => [auth(name).clockOffset],
    update_token: async (name, token, expires) => auth(name).updateToken(text(token), expiry(expires)),
    token(name) {
        const { value, expires } = auth(name).currentToken();
        return [value, expires ?? 0];
    },
    token_state(name) {
        const { state, seconds } = auth(name).state();
        return [nameIn(State, state), seconds ?? -1];
    },

    async poll(name, wait) {
        const end = performance.now() + number(wait);
        for (;;) {
            try {
                const renewal = auth(name).poll();
                renewals.set(text(name), renewal);
                return [renewal && renewal.url];
            } catch (error) {
                if (error.code !== "RENEWAL_TIMEOUT" || performance.now() >= end) {
                    throw error;
                }
                await sleep(10);
            }
        }
    },
    needed: (name) => [Number(renewals.get(text(name)).needed)],
    complete: async (name, status, body) => [await renewals.get(text(name)).complete(number(status), raw(body))],
    cancel: (name) => renewals.get(text(name)).cancel(),
    review(name, authorization, timestamp, status, date, body) {
        const sent = new AuthHeaders(text(authorization), timestamp && number(timestamp));
        const advice = auth(name).review(sent, number(status), { date: optional(date), body: raw(body) });
        return [nameIn(Advice, advice)];
    },

    family: (name) => [auth(name).family()],
    seal: (name, key) => [auth(name).seal(raw(key))],
    unseal: (name, line, key) => [nameIn(Unsealed, auth(name).unseal(raw(line), raw(key)))],
    share_in: (name, directory, key) => auth(name).shareIn(text(directory), raw(key)),

    url_new: (base) => [new Url(text(base))],
    url_new_for: (name, path) => [auth(name).url(text(path))],
    url_add_segment: (base, segment) => [new Url(text(base)).addSegment(text(segment))],
    url_add_query: (base, name, value) => [new Url(text(base)).addQuery(text(name), text(value))],

    client(name, certificate, directory = null, key = null) {
        const shareIn = directory === null ? undefined : { directory: text(directory), key: raw(key) };
        entries.set(text(name), new Entry(client, auth(name), optional(certificate), shareIn));
    },
    send: (name, method, url, body) => entries.get(text(name)).send(text(method), text(url), raw(body)),
    send_once: (name, method, url, body) => entries.get(text(name)).send(text(method), text(url), raw(body), true),
    start: (name, method, url) => entries.get(text(name)).start(text(method), text(url)),
    finish: (name) => entries.get(text(name)).finish(),
    storm: (name, url, threads, seconds, rejectingUrl) =>
        entries.get(text(name)).storm(text(url), number(threads), number(seconds), rejectingUrl && text(rejectingUrl)),
    events: (name) => entries.get(text(name)).events(),
};

/** A field as bytes; null if it is absent. */
function decode(field) {
    if (field === "-") {
        return null;
    }
    return Buffer.from(
        field.replace(/%([0-9A-F]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16))),
        "latin1",
    );
}

function encode(field) {
    return field === null ? "-" : encodeURIComponent(String(field).toWellFormed()).replaceAll("-", "%2D");
}

/** The answer: a status, and fields. */
async function run(line) {
    const [name, ...fields] = line.split("\t").map(decode);
    const command = String(name);
    try {
        return ["OK", ...((await commands[command](...fields)) ?? [])];
    } catch (error) {
        if (error instanceof Skip) {
            return ["SKIP", error.message];
        }
        if (error instanceof TcAuthError) {
            const code = nameIn(Status, error.status) ?? error.code;
            return [code, command === "complete" || command === "discover" ? error.explanation : error.message];
        }
        return ["ERROR", `${error?.name}: ${error?.message} ${error?.cause ?? ""}`];
    }
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        const [status, ...fields] = await run(line);
        process.stdout.write([status, ...fields.map(encode)].join("\t") + "\n");
    }
    process.exit(); // kept connections
}

main();
