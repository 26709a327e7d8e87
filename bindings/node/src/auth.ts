// One identity: an access id with its secret key, or an API token.

import { randomBytes } from "node:crypto";
import * as border from "./border.js";
import { check, made, redacted, TcAuthError } from "./error.js";
import { AuthHeaders, Token } from "./headers.js";
import { native } from "./library.js";
import { ADOPTED, NOW, NUMBER, SECONDS, WRONG_TYPE, type Handle } from "./native.js";
import { renewalOf, type Renewal } from "./renewal.js";
import { Kind, State, Status, type Advice, type Unsealed } from "./status.js";
import { Url, urlOf } from "./url.js";
import { Waiters } from "./waiters.js";

/** How many bytes of a body review() reads. */
export const REVIEW_LIMIT = 64 << 10;

/** How long ready() waits for another renewal, in milliseconds. It is longer than a renewal may take. */
export const PATIENCE = 60_000;

const { numbers } = native;

// Only this file makes an Auth: its handle must be an object of the add-on.
const INSIDE = Symbol();

/** A key, or up to four of them, one per line. */
export type Key = string | Uint8Array;

/** What can be done with a token, and how long the state lasts. */
export interface TokenState {
    readonly state: State;

    /**
     * VALID: until the token is due. UNDER_WAY: until the ticket lapses. PAUSED: until the next attempt. REFUSED and
     * NOT_RENEWABLE: until the token expires. Otherwise 0. Null if it is unknown.
     */
    readonly seconds: number | null;
}

/** Those whose share() was called, and that must not be collected. */
const SHARED = new Set<Auth>();

/**
 * One identity: an access id with its secret key, or an API token.
 *
 * Make it once and share it between requests. In a log it is one line without a secret. It can't be cloned: a worker
 * thread gets it by share() and fromShared().
 */
export class Auth {
    readonly #handle: Handle;
    readonly #waiters = new Waiters(() => this.poll());
    #kind: Kind;

    /** What discover() found, without secrets; null if the Auth was made in another way. */
    readonly why: string | null;

    private constructor(caller: typeof INSIDE, handle: Handle | number, why: string | null = null) {
        if (caller !== INSIDE) {
            throw new TypeError("use Auth.hmac(), Auth.token(), Auth.discover() or another static method");
        }
        check(typeof handle === "number" ? handle : Status.OK, why);
        this.#handle = handle as Handle;
        this.#kind = native.kind(this.#handle) as Kind;
        this.why = why;
    }

    // Create and close

    /**
     * Signs with HMAC-SHA256. The access id is visible ASCII; the secret key has no control character.
     *
     * Fails with INVALID_ACCESS_ID or INVALID_SECRET_KEY.
     */
    static hmac(accessId: string, secretKey: string): Auth {
        const id = border.text("accessId", accessId, Status.INVALID_ACCESS_ID);
        return new Auth(INSIDE, native.newHmac(id, border.text("secretKey", secretKey, Status.INVALID_SECRET_KEY)));
    }

    /**
     * Uses an API token. `expires` is in Unix seconds, or a Date; without it, unknown or never.
     *
     * Fails with INVALID_TOKEN (not visible ASCII) or INVALID_TIME (negative, or milliseconds).
     */
    static token(token: string, expires?: number | Date | null): Auth {
        const text = border.text("token", token, Status.INVALID_TOKEN);
        return new Auth(INSIDE, native.newToken(text, border.expiry(expires)));
    }

    /**
     * From the platform's parameters in a JSON object, or from a message to a service App.
     *
     * Members: tc_token, tc_token_expires, tc_api_path, and tc_api_access_id with tc_api_secret_key; in messages
     * apiToken and expireSeconds. Fails with CONFIG_SYNTAX, NO_CREDENTIALS, or the status of an invalid value.
     */
    static fromJson(text: string | Uint8Array): Auth {
        return new Auth(INSIDE, native.fromJson(border.bytes("text", text, Status.CONFIG_SYNTAX)));
    }

    /**
     * From command-line arguments: --tc_token X or --tc_token=X, and the other names of fromJson(). Other arguments are
     * ignored, so process.argv can be passed.
     */
    static fromArgs(args: readonly string[]): Auth {
        return new Auth(INSIDE, native.fromArgs(border.args(args)));
    }

    /** From TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID and TC_API_SECRET_KEY. */
    static fromEnv(): Auth {
        return new Auth(INSIDE, native.fromEnv());
    }

    /**
     * From the encrypted file in which the platform passes parameters. The file is not deleted.
     *
     * `path` is the value of TC_APP_PARAM_FILE, `key` that of TC_APP_PARAM_KEY. Fails with CONFIG_IO, CONFIG_DECRYPT,
     * CONFIG_SYNTAX, NO_CREDENTIALS, or the status of an invalid value.
     */
    static fromParameterFile(path: string | Uint8Array | URL, key: string | Uint8Array): Auth {
        const file = border.path("path", path);
        return new Auth(INSIDE, native.fromParameterFile(file, border.bytes("key", key, Status.INVALID_ARGUMENT)));
    }

    /**
     * From the arguments (by default those of the program), from the file that TC_APP_PARAM_FILE and TC_APP_PARAM_KEY
     * name, or from the environment: the first source that contains credentials.
     *
     * `why` says, without secrets, what was found where; if it fails, the explanation of the error does.
     */
    static discover(args: readonly string[] = process.argv.slice(2)): Auth {
        const found = native.discover(border.args(args));
        return new Auth(INSIDE, found[0], found[1]);
    }

    /**
     * The Auth of another thread of this process, whose share() returned this id. Each of the two is closed on its own.
     *
     * Fails with INVALID_ARGUMENT, or with CLOSED: the id is of another process, or all have closed the Auth.
     */
    static fromShared(id: string): Auth {
        if (!/^tc-auth:[0-9a-f]{32}$/.test(border.text("id", id, Status.INVALID_ARGUMENT))) {
            throw new TcAuthError(Status.INVALID_ARGUMENT, "it is not an id that Auth.share() returned");
        }
        const found = native.fromShared(id);
        return found === Status.NULL_ARGUMENT
            ? new Auth(INSIDE, found, "this process has no open Auth with this id")
            : new Auth(INSIDE, found);
    }

    /**
     * An id to send to a worker thread, which makes its Auth with fromShared(). It contains no secret, and means
     * nothing in another process. This Auth stays open until close() is called, because nothing else tells when the id
     * is used.
     *
     * Threads that share an Auth renew its token once. What is freed last wipes the secrets: also a thread that is
     * terminated frees its part.
     */
    share(): string {
        // Random, because a number could be one of another process, too.
        const id = made(native.share(this.#handle, `tc-auth:${randomBytes(16).toString("hex")}`));
        SHARED.add(this);
        return id;
    }

    /**
     * Frees the Auth and wipes its secrets, unless another thread uses it, or a Renewal has not ended. It may be called
     * again; other calls then fail with CLOSED. An Auth that is never closed is freed when it is collected.
     */
    close(): void {
        this.#kind = Kind.NONE;
        SHARED.delete(this);
        native.close(this.#handle);
        this.#waiters.wake();
    }

    /** The same as close(): `using auth = Auth.discover()`. */
    [Symbol.dispose](): void {
        this.close();
    }

    // What it is

    /** What kind of credentials it has; NONE if it is closed. */
    get kind(): Kind {
        return this.#kind;
    }

    /** One line for a log: the kind, the access id or the expiry, and the API path. */
    toString(): string {
        const line = native.describe(this.#handle);
        return typeof line === "number" ? "closed" : line;
    }

    /** The URL of the platform's API, without a / at its end; null if it is not set. */
    get apiPath(): string | null {
        return native.apiPath(this.#handle);
    }

    /**
     * Sets the URL of the platform's API, such as "https://company.example/api", once, before others use the Auth.
     *
     * From then on a URL of another server is refused, a token can be renewed, and url() can be used. Fails with
     * INVALID_URI_FORM, INVALID_URI_BYTE or ALREADY_SET.
     */
    set apiPath(apiPath: string) {
        check(native.setApiPath(this.#handle, border.text("apiPath", apiPath, Status.INVALID_URI_BYTE)));
    }

    /**
     * The seconds that are added to this machine's clock to get the server's time: set here, or by review(). At most a
     * day in either direction.
     */
    get clockOffset(): number {
        check(native.clockOffset(this.#handle));
        return numbers[SECONDS]!;
    }

    set clockOffset(seconds: number) {
        const offset = border.whole("clockOffset", seconds, Status.INVALID_ARGUMENT);
        check(native.setClockOffset(this.#handle, offset));
    }

    /**
     * How many seconds before its expiry a token is due for renewal: 0 to 86400, by default 60. At most half of the
     * life that the token had left when it was set. Fails with WRONG_KIND.
     */
    get renewalWindow(): number {
        check(native.renewalWindow(this.#handle));
        return numbers[SECONDS]!;
    }

    set renewalWindow(seconds: number) {
        const window = border.whole("renewalWindow", seconds, Status.INVALID_ARGUMENT);
        check(native.setRenewalWindow(this.#handle, window));
    }

    // Sign

    /**
     * The headers of one request. It never waits.
     *
     * `url` is a path with query, or an absolute http or https URL, exactly as it will be sent. `at` is the Unix second
     * to sign, and to compare with the expiry of a token; by default now. Fails with INVALID_METHOD, INVALID_URI_FORM,
     * INVALID_URI_BYTE, INVALID_TIME, OTHER_ORIGIN or TOKEN_EXPIRED.
     */
    headers(method: string, url: string | URL | Url, options?: { at?: number }): AuthHeaders {
        const at = options === undefined ? NOW : timeIn(border.options<At>("options", options, { at: "any" }));
        const target = addressOf(url);
        return headersFrom(native.headers(this.#handle, method, target, at), method, target);
    }

    /**
     * The header lines of a request that is sent now, as they go over the wire: each ends with CR LF. For clients that
     * write requests themselves. Arguments and errors are those of headers().
     */
    headerBlock(method: string, url: string | URL | Url): string {
        const target = addressOf(url);
        return signed(native.headerBlock(this.#handle, method, target), method, target);
    }

    /**
     * Checks the headers of a request that was received: for gateways, mocks and tests.
     *
     * `url` is the request target; refuse one with a # before. `timestamp` is ignored with a token. `at` is a Unix
     * second, by default now; the timestamp may be off by `tolerance` seconds, 0 to 86400, by default 300. Fails with
     * MALFORMED_AUTHORIZATION, SIGNATURE_MISMATCH, TIMESTAMP_OUT_OF_RANGE, TOKEN_EXPIRED, OTHER_ORIGIN, or the status
     * of another invalid argument.
     */
    verify(
        method: string,
        url: string | URL | Url,
        authorization: string | null | undefined,
        timestamp: string | number | null | undefined,
        options: { at?: number; tolerance?: number } = {},
    ): void {
        const given = border.options<typeof options>("options", options, { at: "any", tolerance: "any" });
        const refusal = Status.MALFORMED_AUTHORIZATION;
        check(
            native.verify(
                this.#handle,
                border.text("method", method, Status.INVALID_METHOD),
                border.text("url", addressOf(url), Status.INVALID_URI_BYTE),
                authorization == null ? null : border.text("authorization", authorization, refusal),
                timestamp == null ? null : border.text("timestamp", textOf(timestamp), refusal),
                timeIn(given),
                border.whole("tolerance", given.tolerance ?? 300, Status.INVALID_ARGUMENT),
            ),
        );
    }

    /**
     * Starts a URL with the API path followed by `path`: "/v2/owners" gives https://company.example/api/v2/owners.
     *
     * Fails with API_PATH_MISSING, INVALID_URI_FORM or INVALID_URI_BYTE.
     */
    url(path = "/"): Url {
        return urlOf(made(native.newUrlFor(this.#handle, border.text("path", path, Status.INVALID_URI_BYTE))));
    }

    // Tokens

    /** The current token and its expiry, to pass them to another process. Fails with WRONG_KIND. */
    currentToken(): Token {
        const value = made(native.token(this.#handle));
        return new Token(value, numbers[SECONDS]! || null);
    }

    /**
     * Replaces the token, for all threads. Arguments as in Auth.token().
     *
     * Without shareIn() the new token is in use when the call returns its promise. After shareIn() a thread of its own
     * waits for the disk. Fails with INVALID_TOKEN, INVALID_TIME or WRONG_KIND: then the old token stays; or with
     * STORE_IO: the new token counts, but is not saved yet.
     */
    async updateToken(token: string, expires?: number | Date | null): Promise<void> {
        const text = border.text("token", token, Status.INVALID_TOKEN);
        const result = made(native.updateToken(this.#handle, text, border.expiry(expires)));
        const outcome = Array.isArray(result) ? result : await result; // not always this realm's Promise
        this.#waiters.wake();
        check(outcome[0]);
    }

    /** The state of the token, for health checks and messages. It changes nothing. */
    state(): TokenState {
        check(native.state(this.#handle));
        const seconds = numbers[SECONDS]!;
        return { state: numbers[NUMBER] as State, seconds: seconds < 0 ? null : seconds };
    }

    /**
     * To be called before each request is signed, if you do not use an adapter: null if you can sign now; a Renewal if
     * you must renew first. It never waits. Fails with RENEWAL_TIMEOUT while another thread renews the token, or a
     * process that shares it: do not send the old token; see ready().
     */
    poll(): Renewal | null {
        const ticket = native.poll(this.#handle);
        return ticket === null ? null : renewalOf(made(ticket), () => this.#waiters.wake());
    }

    /**
     * The same, but while another renewal is under way the promise waits for it, for at most 60 seconds. No thread is
     * blocked. Then it fails with RENEWAL_TIMEOUT; after an abort, with the reason of the signal.
     */
    async ready(signal?: AbortSignal | null): Promise<Renewal | null> {
        signal?.throwIfAborted();
        if (this.#kind === Kind.HMAC) {
            return null;
        }
        const ticket = native.poll(this.#handle);
        if (ticket === Status.RENEWAL_TIMEOUT) {
            return this.#waiters.wait(PATIENCE, signal);
        }
        return ticket === null ? null : renewalOf(made(ticket), () => this.#waiters.wake());
    }

    /**
     * To be called with the response to a signed request. RETRY: ready(), sign and send it again, once.
     *
     * If the server rejected the token, the next ready() renews it. If the server's date shows that the clock is wrong,
     * the clock offset is corrected. `date` is the Date header: leave it out if the response has an Age header, or did
     * not come from the signed server over TLS. Of the body the first 64 KiB count. Fails with MALFORMED_AUTHORIZATION
     * or INVALID_TIME.
     */
    review(
        headers: AuthHeaders,
        status: number,
        options: { date?: string | null | undefined; body?: string | Uint8Array | ArrayBuffer } = {},
    ): Advice {
        if (!(headers instanceof AuthHeaders)) {
            throw border.wrongType("headers", headers, "an AuthHeaders");
        }
        const { date = null, body = "" } = border.options<typeof options>("options", options, {
            date: "any",
            body: "any",
        });
        if (date !== null && typeof date !== "string") {
            throw border.wrongType("date", date, "a string");
        }
        check(
            native.review(
                this.#handle,
                border.text("authorization", headers.authorization, Status.MALFORMED_AUTHORIZATION),
                headers.timestamp === null ? NOW : border.moment("timestamp", headers.timestamp),
                border.httpStatus(status),
                date,
                border.body(body, REVIEW_LIMIT),
            ),
        );
        return numbers[NUMBER] as Advice;
    }

    // One token, many processes

    /**
     * The name of the family: all processes that started with the same token. 32 hexadecimal digits. Use it as the key
     * of an entry in a store, and as the name of its lock. Fails with WRONG_KIND.
     */
    family(): string {
        return made(native.family(this.#handle));
    }

    /**
     * Encrypts the current token and its expiry into one line, to store it for other processes of the family.
     *
     * `key` is one to four keys, one per line: the first one seals, each of them unseals. Use at least 128 random bits,
     * such as 32 random hexadecimal digits. Without a key, whoever knows the family's first token, even a dead one, can
     * read the current token and forge lines. Fails with WRONG_KIND, SEAL_INVALID or INVALID_ARGUMENT (the key).
     */
    seal(key?: Key | null): string {
        return made(native.seal(this.#handle, border.key(key)));
    }

    /**
     * Reads a line that seal() made in this or another process, and uses its token if it is newer. Requests that wait
     * for a renewal then go on. Fails with WRONG_KIND, SEAL_INVALID, SEAL_VERSION or INVALID_ARGUMENT (the key): then
     * nothing changes.
     */
    unseal(line: string | Uint8Array, key?: Key | null): Unsealed {
        const sealed = border.bytes("line", line, Status.SEAL_INVALID);
        check(native.unseal(this.#handle, sealed, border.key(key)));
        const outcome = numbers[NUMBER] as Unsealed;
        this.#waiters.wake();
        return outcome;
    }

    /**
     * Shares the token with all processes of the family that use the same directory: they renew it once, and each of
     * them gets the new one. Call it once, when the program starts: it reads and writes files, and can wait for other
     * processes.
     *
     * The directory exists, on a local file system, and belongs to the same user, or to root; other users can't write
     * to it. `key` is as in seal(), the same in all processes.
     *
     * Fails with WRONG_KIND, ALREADY_SET, INVALID_ARGUMENT (the key), SEAL_INVALID (a file can't be unsealed, for
     * example with this key), SEAL_VERSION or STORE_IO. Then the Auth is as before, and you may call this again.
     */
    shareIn(directory: string | Uint8Array | URL, key?: Key | null): void {
        const place = border.path("directory", directory);
        check(native.shareIn(this.#handle, place, border.key(key)));
        this.#waiters.wake();
    }

    // What adapters need

    /**
     * Whether the library makes headers for this server: the status of a request to it.
     *
     * @internal
     */
    statusOf(url: string): number {
        const result = native.headers(this.#handle, "GET", url, NOW);
        return typeof result === "number" ? result : Status.OK;
    }

    /**
     * The headers, or a status, and whether they have a token that came from another process.
     *
     * @internal
     */
    sign(method: string, url: string): { headers: AuthHeaders; isAdopted: boolean } {
        const headers = headersFrom(native.sign(this.#handle, method, url), method, url);
        return { headers, isAdopted: numbers[ADOPTED] === 1 };
    }
}
redacted(Auth.prototype, function () {
    return `Auth(${this.toString()})`;
});

/** The string that is signed, such as "/api/v3/indicators:GET:1513703787", to compare with another implementation. */
export function stringToSign(method: string, url: string | URL | Url, at: number): string {
    const verb = border.text("method", method, Status.INVALID_METHOD);
    const target = border.text("url", addressOf(url), Status.INVALID_URI_BYTE);
    return made(native.stringToSign(verb, target, border.moment("at", at)));
}

interface At {
    at?: number;
}

function timeIn({ at }: At): number {
    return at === undefined ? NOW : border.moment("at", at);
}

/** As a string; what is none of the three stays as it is, for the check of its type. */
export function addressOf(url: string | URL | Url): string {
    return url instanceof URL || url instanceof Url ? url.toString() : url;
}

/** The timestamp of a request that was received is text; that of AuthHeaders is a number. */
function textOf(timestamp: string | number): string {
    return typeof timestamp === "number" ? String(timestamp) : timestamp;
}

/** What a call has signed. The add-on checks types, because that is faster here. */
function signed(result: string | number, method: string, url: string): string {
    if (typeof result === "number") {
        if (result === WRONG_TYPE) {
            throw typeof method === "string"
                ? border.wrongType("url", url, "a string")
                : border.wrongType("method", method, "a string");
        }
        throw new TcAuthError(result, border.tooLong("method", method) ?? border.tooLong("url", url));
    }
    return result;
}

function headersFrom(result: string | number, method: string, url: string): AuthHeaders {
    const authorization = signed(result, method, url);
    const timestamp = numbers[SECONDS]!;
    return new AuthHeaders(authorization, timestamp < 0 ? null : timestamp);
}
