/**
 * ThreatConnect's API with undici 7 and later.
 *
 * ```js
 * const auth = Auth.discover();
 * const dispatcher = new Agent().compose(tcAuth(auth), interceptors.redirect({ maxRedirections: 5 }));
 * const { statusCode, body } = await request(auth.apiPath + "/v3/indicators", { dispatcher });
 * ```
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { stringify } from "node:querystring";
import { Readable } from "node:stream";
import type { Duplex } from "node:stream";
import zlib from "node:zlib";

import type { Auth } from "./auth.js";
import { TcAuthError } from "./error.js";
import { REVIEW_LIMIT, REVIEW_MS, Session } from "./session.js";
import type { SessionOptions, Signed } from "./session.js";
import { Advice, Kind } from "./status.js";

// The types of undici, as far as they are used here. Its own differ between the major versions.

/**
 * Sends a request, as undici's `Dispatcher.Dispatch`.
 *
 * `any` makes it assignable to that of each version.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Dispatch = (options: any, handler: any) => boolean;

/** What `Dispatcher.compose()` takes. */
export type Interceptor = (dispatch: Dispatch) => Dispatch;

type Fields = Record<string, string | string[] | undefined>;

interface Options {
    origin?: string | URL | null;
    path: string;
    method: string;
    query?: Record<string, unknown> | null;
    headers?: unknown;
    body?: unknown;
}

interface Controller {
    readonly aborted: boolean;
    readonly paused: boolean;
    readonly reason: Error | null;
    rawHeaders?: unknown;
    rawTrailers?: unknown;
    abort(reason: Error): void;
    pause(): void;
    resume(): void;
}

interface Handler {
    /** Only up to undici 6, or beside the others. */
    onConnect?: unknown;
    onRequestStart?(controller: Controller, context: { history?: unknown[] } | null | undefined): void;
    onRequestUpgrade?(controller: Controller, status: number, fields: Fields, socket: Duplex): void;
    onResponseStarted?(): void;
    onResponseStart?(controller: Controller, status: number, fields: Fields, message?: string): void;
    onResponseData?(controller: Controller, chunk: Buffer): void;
    onResponseEnd?(controller: Controller, trailers: Fields): void;
    onResponseError?(controller: Controller, error: Error): void;
}

/**
 * Signs each request, and renews the token when it is due.
 *
 * It must be the first interceptor: `new Agent().compose(tcAuth(auth), interceptors.redirect(), interceptors.retry())`. Then
 * each redirect and each repetition is signed anew. If `interceptors.redirect()` comes before it, a redirect fails.
 *
 * Use it with an `Agent`, a `ProxyAgent` or an `EnvHttpProxyAgent`: a `Client` and a `Pool` send to their own server,
 * whatever the URL of the request says. A request to another server than that of the API path fails with `OTHER_ORIGIN`.
 *
 * The headers are added to a copy of the options: no error and no other interceptor outside of this one has them.
 *
 * A refused request is sent once more if that can help, and if its body can be sent again: strings, bytes, a `Blob` and a
 * `FormData`, but no streams and iterables. Otherwise the refusal is returned, and the next request uses a new token or the
 * corrected clock. With undici's `fetch`, all bodies are streams here.
 *
 * A renewal is sent on a new connection of its own. Its TLS settings and its proxy are `options.renewal`, because a dispatcher
 * does not show its own.
 */
export function tcAuth(auth: Auth, options: SessionOptions = {}): Interceptor {
    const session = new Session(auth, options);
    return (dispatch) => (request: Options, handler: Handler) => {
        if (typeof handler.onConnect === "function" && handler.onRequestStart === undefined) {
            // It would wait for calls that never come.
            throw new TypeError("tcAuth() needs undici 7 or later: this request comes from an older one");
        }
        new Exchange(session, dispatch, request, handler).start();
        return true;
    };
}

/** A request of the caller, which may be sent twice. It is the controller that the caller's handler sees. */
class Exchange implements Controller {
    readonly session: Session;
    readonly handler: Handler;
    readonly #dispatch: Dispatch;
    readonly #request: Options;
    #attempt: Attempt | null = null; // the current one
    #attempts = 0;
    #isOver = false;
    #isPaused = false;
    #reason: Error | null = null;
    #waiting: AbortController | null = null;

    constructor(session: Session, dispatch: Dispatch, request: Options, handler: Handler) {
        this.session = session;
        this.#dispatch = dispatch;
        this.#request = request;
        this.handler = handler;
    }

    /** The caller can abort from now on, also while the token is renewed. */
    start(): void {
        void this.#run(async () => {
            this.handler.onRequestStart?.(this, null);
            if (!this.#isOver) {
                await this.#send(await this.authorize());
            }
        });
    }

    /** Renews the token if it is due, and signs. */
    async authorize(): Promise<Ready> {
        const options = this.#request;
        const method = String(options.method).toUpperCase(); // the upper case is signed
        const path = pathOf(options);
        const origin = originOf(options);
        const url = path.startsWith("/") ? origin + path : path;
        const [headers, hosts] = withoutCredentials(options.headers);
        // Check before the renewal: a request to another server must not cause one.
        this.session.check(url);
        if (!path.startsWith("/")) {
            this.session.check(origin); // the server that is asked for another one's URL, as a proxy is
        }
        for (const host of hosts) {
            this.session.check(origin, host);
        }
        let signed: Signed;
        if (this.session.auth.kind === Kind.TOKEN) {
            this.#waiting = new AbortController(); // it costs more than a signature
            signed = await this.session.signWhenReady(method, url, this.#waiting.signal);
            this.#waiting = null;
        } else {
            signed = this.session.sign(method, url);
        }
        if (this.#isOver) {
            throw new Over();
        }
        for (const [name, value] of signed.headers) {
            headers[name] = value;
        }
        return { signed, options: { ...options, method, path, query: null, headers } };
    }

    #send({ signed, options }: Ready): void {
        this.#attempts += 1;
        this.#attempt = new Attempt(this, signed);
        this.#dispatch(options, this.#attempt);
    }

    /** Sends the request once more, and leaves the response of the first attempt. False if it could not be signed. */
    async sendAgain(first: Attempt, status: number): Promise<boolean> {
        let ready: Ready;
        try {
            ready = await this.authorize();
        } catch (error) {
            if (error instanceof TcAuthError) {
                return false;
            }
            throw error;
        }
        this.#attempt = null;
        first.leave();
        this.session.retried(first.signed, status);
        this.#send(ready);
        return true;
    }

    get canBeSentAgain(): boolean {
        return this.#attempts === 1 && canBeSentAgain(this.#request.body);
    }

    isCurrent(attempt: Attempt): boolean {
        return this.#attempt === attempt && !this.#isOver;
    }

    /** Runs a part of the exchange outside of a call of undici, which would turn what is thrown into an error of the request. */
    async #run(part: () => Promise<void>): Promise<void> {
        try {
            await part();
        } catch (error) {
            if (!(error instanceof Over)) {
                this.fail(error as Error);
            }
        }
    }

    runLater(part: () => Promise<void>): void {
        void this.#run(part);
    }

    /** The caller has all that comes. */
    end(): void {
        this.#isOver = true;
    }

    /** Passes on the end of the response. A handler that throws is told its error, as undici does: retry() counts on it. */
    endWith(trailers: Fields): void {
        this.end();
        try {
            this.handler.onResponseEnd?.(this, trailers);
        } catch (error) {
            this.#isOver = false;
            this.fail(error as Error);
        }
    }

    /** The caller gets this error, unless the exchange is over. */
    fail(error: Error): void {
        if (this.#isOver) {
            return;
        }
        this.#isOver = true;
        this.#waiting?.abort(error);
        this.#attempt?.leave(error);
        this.handler.onResponseError?.(this, error);
    }

    // What the caller's handler calls.

    get aborted(): boolean {
        return this.#reason !== null;
    }

    get reason(): Error | null {
        return this.#reason;
    }

    get paused(): boolean {
        return this.#isPaused;
    }

    get rawHeaders(): unknown {
        return this.#attempt?.controller?.rawHeaders ?? null;
    }

    get rawTrailers(): unknown {
        return this.#attempt?.controller?.rawTrailers ?? null;
    }

    abort(reason: Error): void {
        if (this.#reason === null && !this.#isOver) {
            this.#reason = reason;
            this.fail(reason);
        }
    }

    pause(): void {
        this.#isPaused = true;
        this.#attempt?.pause();
    }

    resume(): void {
        this.#isPaused = false;
        this.#attempt?.resume();
    }
}

interface Ready {
    signed: Signed;
    options: Options;
}

/** Thrown where the exchange goes on after a wait during which it has ended. */
class Over extends Error {}

const WRONG_ORDER = "interceptors.redirect() must come after tcAuth() in compose(): each redirect is signed anew";

/** A request as it is sent, and its response. A refusal is held back until it was reviewed. */
class Attempt implements Handler {
    readonly signed: Signed;
    controller: Controller | null = null;
    readonly #exchange: Exchange;
    #refusal: { status: number; fields: Fields; message: string | undefined } | null = null;
    #timer: NodeJS.Timeout | undefined;
    #state: "passing on" | "reading" | "reviewing" | "replaying" = "passing on";
    #chunks: Buffer[] = [];
    #size = 0;
    #trailers: Fields | null = null;
    #error: Error | null = null;
    #isReplaying = false;

    constructor(exchange: Exchange, signed: Signed) {
        this.#exchange = exchange;
        this.signed = signed;
    }

    /** Ends the request, if it has not ended. */
    leave(reason: Error = new Error("the request is sent again")): void {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        if (this.#trailers === null && this.#error === null) {
            this.controller?.abort(reason);
        }
    }

    // What undici calls.

    onRequestStart(controller: Controller, context: { history?: unknown[] } | null | undefined): void {
        this.controller = controller;
        if (!this.#exchange.isCurrent(this)) {
            controller.abort(this.#exchange.reason ?? new Over());
        } else if ((context?.history?.length ?? 0) > 0) {
            throw new TypeError(WRONG_ORDER);
        } else if (this.#exchange.paused) {
            controller.pause();
        }
    }

    onRequestUpgrade(_: Controller, status: number, fields: Fields, socket: Duplex): void {
        this.#trailers = {}; // the socket is the caller's
        this.#exchange.end();
        this.#exchange.handler.onRequestUpgrade?.(this.#exchange, status, fields, socket);
    }

    onResponseStarted(): void {
        if (this.#exchange.isCurrent(this)) {
            this.#exchange.handler.onResponseStarted?.();
        }
    }

    onResponseStart(controller: Controller, status: number, fields: Fields, message?: string): void {
        if (!this.#exchange.isCurrent(this)) {
            return;
        }
        if (!this.#exchange.session.needsReview(status)) {
            this.#exchange.handler.onResponseStart?.(this.#exchange, status, fields, message);
            return;
        }
        this.#refusal = { status, fields, message };
        this.#state = "reading";
        controller.resume(); // the caller may have paused what it has not got yet
        this.#timer = setTimeout(() => this.#review(), REVIEW_MS);
    }

    onResponseData(_: Controller, chunk: Buffer): void {
        if (!this.#exchange.isCurrent(this)) {
            return;
        }
        if (this.#state === "passing on") {
            this.#exchange.handler.onResponseData?.(this.#exchange, chunk);
            return;
        }
        this.#chunks.push(chunk);
        this.#size += chunk.length;
        if (this.#size >= REVIEW_LIMIT) {
            this.#review();
        }
    }

    onResponseEnd(_: Controller, trailers: Fields): void {
        if (!this.#exchange.isCurrent(this)) {
            return;
        }
        this.#trailers = trailers;
        if (this.#state === "passing on") {
            this.#exchange.endWith(trailers);
        } else {
            this.#review();
        }
    }

    onResponseError(_: Controller | null, error: Error): void {
        if (!this.#exchange.isCurrent(this)) {
            return;
        }
        this.#error = error;
        if (this.#state === "passing on") {
            this.#exchange.fail(error);
        } else {
            this.#review();
        }
    }

    // A refusal.

    #review(): void {
        clearTimeout(this.#timer);
        if (this.#state !== "reading") {
            return;
        }
        this.#state = "reviewing";
        if (this.#trailers === null && this.#error === null) {
            this.controller?.pause();
        }
        this.#exchange.runLater(async () => {
            const { session } = this.#exchange;
            const { status, fields } = this.#refusal!;
            const body = await beginning(this.#chunks, fields["content-encoding"]);
            if (!this.#exchange.isCurrent(this)) {
                return;
            }
            const advice = session.review(this.signed, status, pairs(fields), body);
            if (advice === Advice.RETRY && this.#exchange.canBeSentAgain) {
                if (await this.#exchange.sendAgain(this, status)) {
                    return;
                }
            }
            session.refused(this.signed, status, advice);
            this.#state = "replaying";
            const { message } = this.#refusal!;
            this.#exchange.handler.onResponseStart?.(this.#exchange, status, fields, message);
            this.#replay();
        });
    }

    /** Passes on what was held back, as fast as the caller takes it. */
    #replay(): void {
        if (this.#isReplaying) {
            return; // the caller's handler resumes within a call from here
        }
        this.#isReplaying = true;
        try {
            while (this.#chunks.length > 0 && !this.#exchange.paused && this.#exchange.isCurrent(this)) {
                const chunk = this.#chunks.shift()!; // not in the call: a handler may have no onResponseData()
                this.#exchange.handler.onResponseData?.(this.#exchange, chunk);
            }
        } finally {
            this.#isReplaying = false;
        }
        if (this.#chunks.length > 0 || this.#exchange.paused || !this.#exchange.isCurrent(this)) {
            return;
        }
        this.#state = "passing on";
        if (this.#error !== null) {
            const error = this.#error;
            setImmediate(() => this.#exchange.fail(error)); // undici's fetch misses one that comes at once
        } else if (this.#trailers !== null) {
            this.#exchange.endWith(this.#trailers);
        } else {
            this.controller?.resume();
        }
    }

    pause(): void {
        if (this.#state === "passing on") {
            this.controller?.pause();
        }
    }

    resume(): void {
        if (this.#state === "passing on") {
            this.controller?.resume();
        } else if (this.#state === "replaying") {
            this.#exchange.runLater(async () => this.#replay());
        }
    }
}

/** The path as undici writes it. */
function pathOf({ path, query }: Options): string {
    const text = query ? stringify(query as Record<string, string>) : "";
    if (text !== "" && /[?#]/.test(path)) {
        throw new TypeError("query can not be used with a path that has a query or a fragment");
    }
    return text === "" ? path : `${path}?${text}`;
}

function originOf({ origin }: Options): string {
    if (origin === null || origin === undefined) {
        throw new TypeError("the request has no origin: pass a whole URL, or the option origin");
    }
    return typeof origin === "string" ? new URL(origin).origin : origin.origin;
}

/** The headers without those that are replaced, as undici takes them; and the values of Host. */
function withoutCredentials(given: unknown): [Record<string, unknown>, string[]] {
    const headers: Record<string, unknown> = Object.create(null);
    const hosts: string[] = [];
    for (const [name, value] of fieldsOf(given)) {
        const lower = name.toLowerCase();
        if (lower === "authorization" || lower === "timestamp") {
            continue;
        }
        if (lower === "host") {
            hosts.push(String(value));
        }
        // Arrays are sent as several fields.
        headers[name] = name in headers ? [headers[name], value].flat() : value;
    }
    return [headers, hosts];
}

/** In each of the forms that undici takes. */
function* fieldsOf(given: unknown): Iterable<[string, unknown]> {
    if (Array.isArray(given) && !Array.isArray(given[0])) {
        for (let index = 0; index < given.length; index += 2) {
            yield [text(given[index]), given[index + 1]];
        }
    } else if (given !== null && given !== undefined) {
        const isIterable = typeof (given as Iterable<unknown>)[Symbol.iterator] === "function";
        yield* isIterable ? (given as Iterable<[string, unknown]>) : Object.entries(given as object);
    }
}

function text(value: unknown): string {
    return Buffer.isBuffer(value) ? value.toString("latin1") : String(value);
}

/** The fields of a response, one by one. */
function* pairs(fields: Fields): Iterable<[string, string]> {
    for (const [name, value] of Object.entries(fields)) {
        for (const one of Array.isArray(value) ? value : [value]) {
            if (one !== undefined) {
                yield [name, one];
            }
        }
    }
}

function canBeSentAgain(body: unknown): boolean {
    return (
        body === null ||
        body === undefined ||
        typeof body === "string" ||
        body instanceof ArrayBuffer ||
        ArrayBuffer.isView(body) ||
        ["Blob", "File", "FormData"].includes((body as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "")
    ); // undici has a FormData of its own
}

/** The beginning of the body without its Content-Encoding, as far as it goes. */
async function beginning(chunks: readonly Buffer[], encodings: string | string[] | undefined): Promise<Uint8Array> {
    const encoding = String(encodings ?? "")
        .trim()
        .toLowerCase();
    if (encoding === "" || encoding === "identity") {
        return Buffer.concat(chunks).subarray(0, REVIEW_LIMIT);
    }
    const decoder = decoderOf(encoding);
    const decoded: Buffer[] = [];
    let size = 0;
    try {
        if (decoder !== null) {
            // The body may end early: what is missing is no error, then.
            for await (const part of Readable.from(chunks)
                .on("error", () => {})
                .pipe(decoder)) {
                decoded.push(part as Buffer);
                size += (part as Buffer).length;
                if (size >= REVIEW_LIMIT) {
                    break;
                }
            }
        }
    } catch {
        // Wrong bytes: the message is in what came before, if anywhere.
    }
    return Buffer.concat(decoded).subarray(0, REVIEW_LIMIT);
}

function decoderOf(encoding: string): zlib.Gunzip | zlib.BrotliDecompress | null {
    if (encoding === "gzip" || encoding === "x-gzip" || encoding === "deflate") {
        return zlib.createUnzip({ finishFlush: zlib.constants.Z_SYNC_FLUSH });
    }
    const flush = zlib.constants.BROTLI_OPERATION_FLUSH;
    return encoding === "br" ? zlib.createBrotliDecompress({ finishFlush: flush }) : null;
}
