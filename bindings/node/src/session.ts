// What all adapters share: which requests are signed, and what is done about a response.

import { onAbort } from "./abort.js";
import { addressOf, Auth, PATIENCE } from "./auth.js";
import * as border from "./border.js";
import { redacted, TcAuthError } from "./error.js";
import type { Event, RenewalFailed } from "./events.js";
import type { AuthHeaders } from "./headers.js";
import type { Renewal } from "./renewal.js";
import { Advice, nameIn, State, Status, type AdviceName } from "./status.js";
import { exchange, settingsOf, type RenewalOptions, type Settings } from "./transport.js";
import type { Url } from "./url.js";

export { REVIEW_LIMIT } from "./auth.js";

/** How long a review waits for the body of a refusal, in milliseconds. */
export const REVIEW_MS = 10_000;

/** The options of a Session, which the clients take, too. */
export interface SessionOptions {
    /**
     * Is told what the adapter did or noticed. It should return soon, and what it throws, the request throws. Nobody
     * waits for the promise of an async function: catch in it what can fail.
     */
    onEvent?: ((event: Event) => void) | undefined;

    /** How a renewal connects. It never goes through your HTTP client. */
    renewal?: RenewalOptions | undefined;

    /** Calls Auth.shareIn(): the processes that use the same directory share the token. */
    shareIn?: { directory: string | Uint8Array | URL; key?: string | Uint8Array | null } | undefined;
}

/** For border.options(). */
export const SESSION_OPTIONS = { onEvent: "function", renewal: "object", shareIn: "object" } as const;

/** A request that was signed. In a log it does not show the headers. */
export class Signed {
    /** To be sent instead of the caller's own headers of these names. */
    readonly headers: AuthHeaders;

    /** In upper case, as it is signed and must be sent. */
    readonly method: string;

    readonly url: string;

    constructor(headers: AuthHeaders, method: string, url: string) {
        this.headers = headers;
        this.method = method;
        this.url = url;
    }

    /** The path of the URL, without the query. */
    get path(): string {
        const path = this.url.replace(/^https?:\/\/[^/?#]*/i, "").split(/[?#]/, 1)[0];
        return path || "/";
    }

    toString(): string {
        return `Signed(${this.method} ${this.path})`;
    }
}
redacted(Signed.prototype, function () {
    return this.toString();
});

/**
 * An identity, as an adapter uses it. With it you can write an adapter for another HTTP client.
 *
 * The order is: authorize() and send; if needsReview(), review(), and after RETRY, if the body can be sent again, the
 * same once more: authorize(), retried(), send, review(). In the end, refused().
 */
export class Session {
    readonly auth: Auth;
    readonly #onEvent: ((event: Event) => void) | undefined;
    readonly #settings: Settings;

    /** How the last renewal of this Session failed, for the request that then has no valid token. */
    #failure: RenewalFailed | null = null;

    /** Fails with API_PATH_MISSING, or as Auth.shareIn() does. */
    constructor(auth: Auth, options: SessionOptions = {}) {
        if (!(auth instanceof Auth)) {
            throw border.wrongType("auth", auth, "an Auth");
        }
        auth.url(); // Without an API path the library would make headers for any server.
        const { onEvent, renewal, shareIn } = border.options<SessionOptions>("options", options, SESSION_OPTIONS);
        this.auth = auth;
        this.#onEvent = onEvent;
        this.#settings = settingsOf(renewal);
        if (shareIn !== undefined) {
            const { directory, key } = border.options<typeof shareIn>("shareIn", shareIn, {
                directory: "any",
                key: "any",
            });
            if (key === undefined && Object.hasOwn(shareIn, "key")) {
                // Such as a variable of the environment that is not set: without a key, nothing would tell.
                throw border.wrongType("key", undefined, "a string, a Uint8Array, or null for none");
            }
            auth.shareIn(directory, key);
        }
    }

    /** Whether a URL is one of the API's server. Requests to others are not signed. */
    covers(url: string | URL | Url): boolean {
        const status = this.#statusOf(textOf(url));
        return status === Status.OK || status === Status.TOKEN_EXPIRED;
    }

    /**
     * Checks that the URL is one of the API's server, and so is the Host header, if the request has one of its own. A
     * request to another server must not cause a renewal.
     */
    check(url: string | URL | Url, host?: string | null): void {
        const text = textOf(url);
        this.#check(text);
        if (host != null) {
            // In a host that was assembled by hand, "/" and the like would end the host early.
            const scheme = text.slice(0, text.indexOf(":"));
            this.#check(/[/?#@\\\s]/.test(host) ? "" : `${scheme}://${host}/`);
        }
    }

    #check(url: string): void {
        const status = this.#statusOf(url);
        if (status === Status.NULL_ARGUMENT) {
            throw new TcAuthError(status);
        }
        if (status === Status.INVALID_URI_BYTE) {
            throw new TcAuthError(status);
        }
        if (status !== Status.OK && status !== Status.TOKEN_EXPIRED) {
            throw new TcAuthError(Status.OTHER_ORIGIN, `${originOf(url)}; the API path is ${this.auth.apiPath}`);
        }
    }

    #statusOf(url: string): number {
        // A path alone would be the path of any server.
        return /^https?:/i.test(url) ? this.auth.statusOf(url) : Status.INVALID_URI_FORM;
    }

    /**
     * Renews the token if this request must, or waits until another request's renewal ends, for at most 60 seconds.
     *
     * The renewal goes on after an abort, because others wait for it, and the old token is invalid as soon as the
     * server has answered.
     */
    async ready(signal?: AbortSignal | null): Promise<void> {
        const renewal = await this.auth.ready(signal);
        if (renewal !== null) {
            await settled(this.#renew(renewal), signal);
        }
    }

    async #renew(renewal: Renewal): Promise<void> {
        const outcome = await exchange(renewal, this.#settings);
        this.#failure = outcome.type === "renewalFailed" ? outcome : null;
        this.#happened(outcome);
    }

    /**
     * Signs the URL as it is sent. It does not wait. Fails with TOKEN_EXPIRED, and the reason why it was not renewed.
     */
    sign(method: string, url: string | URL | Url): Signed {
        const text = addressOf(url);
        let headers, isAdopted;
        try {
            ({ headers, isAdopted } = this.auth.sign(method, text));
        } catch (error) {
            if (error instanceof TcAuthError && error.status === Status.TOKEN_EXPIRED) {
                throw new TcAuthError(error.status, this.#whyNotRenewed());
            }
            throw error;
        }
        const signed = new Signed(headers, method.toUpperCase(), text);
        if (isAdopted) {
            this.#happened({ type: "adopted", method: signed.method, path: signed.path });
        }
        return signed;
    }

    /** Why an expired token was not renewed before the request. */
    #whyNotRenewed(): string | null {
        switch (this.auth.state().state) {
            case State.PAUSED:
                return `its renewal failed${this.#cause()}; the next attempt follows after a pause`;
            case State.REFUSED:
                return `the server refused to renew it${this.#cause()}`;
            case State.NOT_RENEWABLE:
                return "this type of token is not renewed";
            default:
                return null;
        }
    }

    #cause(): string {
        if (this.#failure === null) {
            return ""; // another Session, thread or process knows it
        }
        const { code, failure, message } = this.#failure;
        return `: ${code ?? failure}${message && `, ${message}`}`;
    }

    /** check(), ready() and sign(). */
    async authorize(
        method: string,
        url: string | URL | Url,
        options: { host?: string | null | undefined; signal?: AbortSignal | null | undefined } = {},
    ): Promise<Signed> {
        const { host, signal } = border.options<typeof options>("options", options, { host: "any", signal: "any" });
        this.check(url, host);
        return this.signWhenReady(method, url, signal);
    }

    /**
     * ready() and sign(). Once more if the token has expired in between: its life can be seconds, and the machine busy.
     *
     * @internal
     */
    async signWhenReady(method: string, url: string | URL | Url, signal?: AbortSignal | null): Promise<Signed> {
        await this.ready(signal);
        try {
            return this.sign(method, url);
        } catch (error) {
            const isLate = error instanceof TcAuthError && error.status === Status.TOKEN_EXPIRED;
            const { state } = isLate ? this.auth.state() : { state: State.NONE };
            if (state !== State.DUE && state !== State.UNDER_WAY) {
                throw error;
            }
        }
        await this.ready(signal);
        return this.sign(method, url);
    }

    /** Whether review() needs the response. All others are accepted. */
    needsReview(httpStatus: number): boolean {
        return httpStatus === 400 || httpStatus === 401 || httpStatus === 403;
    }

    /**
     * Says whether to send the request again, once: RETRY. `fields` are the headers of the response, such as a `Headers` or
     * the `Object.entries()` of those of undici and node:http. `body` is the
     * beginning of its decoded body: up to REVIEW_LIMIT bytes that came within REVIEW_MS.
     */
    review(
        signed: Signed,
        httpStatus: number,
        fields: Iterable<readonly [string, string | readonly string[] | undefined]>,
        body: Uint8Array | string,
    ): Advice {
        const date = signed.url.slice(0, 6).toLowerCase() === "https:" ? trustedDate(fields) : null;
        try {
            return this.auth.review(signed.headers, httpStatus, { date, body });
        } catch (error) {
            if (error instanceof TcAuthError) {
                return Advice.UNKNOWN; // closed in the meantime: still return the response
            }
            throw error;
        }
    }

    /** Reports that the request is sent again. `signed` is the second one. */
    retried(signed: Signed, httpStatus: number): void {
        this.#happened({ type: "retried", method: signed.method, path: signed.path, httpStatus, advice: "RETRY" });
    }

    /** Reports that the caller gets a refusal; nothing if it is none. */
    refused(signed: Signed, httpStatus: number, advice: Advice): void {
        if (advice !== Advice.ACCEPTED) {
            const reason = nameIn(Advice, advice) as AdviceName;
            this.#happened({ type: "refused", method: signed.method, path: signed.path, httpStatus, advice: reason });
        }
    }

    #happened(event: Event): void {
        this.#onEvent?.(Object.freeze(event));
    }

    toString(): string {
        return `Session(${this.auth})`;
    }
}
redacted(Session.prototype, function () {
    return this.toString();
});

function originOf(url: string): string {
    try {
        return new URL(url).origin;
    } catch {
        return "no URL";
    }
}

/** The Date of a response if it may correct the clock: not one of a cache. */
function trustedDate(fields: Iterable<readonly [string, string | readonly string[] | undefined]>): string | null {
    const dates: string[] = [];
    for (const [name, value] of fields) {
        const lower = name.toLowerCase();
        if (lower === "age") {
            return null;
        }
        if (lower === "date") {
            dates.push(...(typeof value === "string" ? [value] : (value ?? [])));
        }
    }
    return dates.length === 1 ? dates[0]! : null;
}

function textOf(url: string | URL | Url): string {
    const text = addressOf(url);
    if (typeof text !== "string") {
        throw border.wrongType("url", text, "a string or a URL");
    }
    return text;
}

/** Waits for work that goes on after an abort, and after 60 seconds: a proxy or a name server may never answer. */
function settled(work: Promise<void>, signal?: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new TcAuthError(Status.RENEWAL_TIMEOUT)), PATIENCE);
        const forget = onAbort(signal, () => reject(signal?.reason));
        if (signal?.aborted) {
            reject(signal.reason); // since ready() has looked: then no event follows
        }
        const end = (): void => {
            clearTimeout(timer);
            forget();
        };
        work.finally(end).then(resolve, reject);
    });
}
