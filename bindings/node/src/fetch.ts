// fetch() that signs.

import type { Auth } from "./auth.js";
import { REVIEW_LIMIT } from "./auth.js";
import * as border from "./border.js";
import { TcAuthError } from "./error.js";
import { REVIEW_MS, Session, SESSION_OPTIONS, type SessionOptions, type Signed } from "./session.js";
import { Advice, Status } from "./status.js";
import { Url } from "./url.js";

type Fetch = typeof globalThis.fetch;
type Input = Parameters<Fetch>[0] | Url;
type Init = NonNullable<Parameters<Fetch>[1]>;

/** fetch(), which also takes what Auth.url() returns. */
export type SignedFetch = (input: Input, init?: Init) => Promise<Response>;

/** The options of createFetch(). */
export interface FetchOptions extends SessionOptions {
    /**
     * What sends the requests; by default the global fetch.
     *
     * `any` makes undici's fetch() assignable, whose types differ from those of the global one.
     */
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    fetch?: ((input: any, init?: any) => Promise<any>) | undefined;
}

// As in the Fetch standard.
const MOST_REDIRECTS = 20;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const HEADERS_OF_A_BODY = [
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
    "content-length",
];

/**
 * Returns a function like fetch() that signs each request, and renews the token when it is due.
 *
 * A request or a redirect to another server than that of the API path fails with OTHER_ORIGIN, and is not sent. A
 * redirect to the same server is signed again.
 *
 * A refused request is sent once more if that can help, and if its body can be sent again: all but streams, and the
 * body of a Request object. Otherwise you get the refusal, and the next request uses a new token or the corrected
 * clock.
 */
export function createFetch(auth: Auth, options: FetchOptions = {}): SignedFetch {
    const { fetch: send, ...others } = border.options<FetchOptions>("options", options, {
        ...SESSION_OPTIONS,
        fetch: "function",
    });
    const session = new Session(auth, others);
    return async function fetch(input: Input, init?: Init): Promise<Response> {
        return new Flow(session, send ?? globalThis.fetch, input, init).run();
    };
}

/** A request, with its redirects and its second attempts. */
class Flow {
    readonly #session: Session;
    readonly #fetch: Fetch;
    readonly #init: Init;
    readonly #signal: AbortSignal | null;

    /** The caller's own Request, until a redirect changes it. */
    #request: Request | null = null;
    #url: string;
    #method: string;
    #headers: Headers;

    constructor(session: Session, fetch: Fetch, input: Input, given?: Init | null) {
        const init = given ?? {};
        this.#session = session;
        this.#fetch = fetch;
        this.#init = membersOf(init);
        const request = isRequest(input) ? input : null;
        this.#request = request;
        this.#url = request === null ? urlOf(String(input)) : request.url;
        // The upper case is signed.
        this.#method = (init.method ?? request?.method ?? "GET").toUpperCase();
        this.#headers = new Headers((init.headers ?? request?.headers) as ConstructorParameters<typeof Headers>[0]);
        this.#signal = init.signal === undefined ? (request?.signal ?? null) : init.signal;
    }

    async run(): Promise<Response> {
        const mode = this.#init.redirect ?? this.#request?.redirect ?? "follow";
        for (let redirects = 0; ; redirects++) {
            const response = await this.#exchange();
            const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
            if (location === null || mode === "manual") {
                return redirects === 0 ? response : described(response, this.#url);
            }
            void response.body?.cancel().catch(ignored);
            if (mode === "error" || redirects === MOST_REDIRECTS) {
                throw new TypeError(
                    mode === "error" ? "fetch failed: unexpected redirect" : "fetch failed: too many redirects",
                );
            }
            this.#follow(response.status, location);
        }
    }

    /** Changes the request into the one to which it is redirected. */
    #follow(status: number, location: string): void {
        const from = new URL(this.#url);
        let to: URL;
        try {
            to = new URL(location, from);
        } catch {
            throw new TypeError("fetch failed: invalid redirect");
        }
        to.hash ||= from.hash;
        this.#session.check(to.href);
        if (to.username !== "" || to.password !== "") {
            throw new TypeError("fetch failed: redirected to a URL with a user or a password");
        }
        const isOther = status === 303 && this.#method !== "GET" && this.#method !== "HEAD";
        if (isOther || ((status === 301 || status === 302) && this.#method === "POST")) {
            this.#method = "GET";
            this.#init.body = null;
            HEADERS_OF_A_BODY.forEach((name) => this.#headers.delete(name));
        } else if (!this.#canBeSentAgain()) {
            throw new TypeError("fetch failed: redirected, and the body can't be sent again");
        }
        this.#request = null;
        this.#url = to.href;
    }

    /** The response to the request, of the second attempt if there is one. */
    async #exchange(): Promise<Response> {
        const session = this.#session;
        let signed = await session.authorize(this.#method, this.#url, this.#options());
        let response = await this.#send(signed);
        let advice: Advice = Advice.ACCEPTED;
        if (session.needsReview(response.status)) {
            const { text, ended } = await beginning(response);
            advice = session.review(signed, response.status, response.headers, text);
            if (advice === Advice.RETRY && this.#canBeSentAgain()) {
                const second = await this.#authorizeAgain(response, ended);
                if (second !== null) {
                    session.retried(second, response.status);
                    void response.body?.cancel().catch(ignored);
                    signed = second;
                    response = await this.#send(signed);
                    advice = session.needsReview(response.status)
                        ? session.review(signed, response.status, response.headers, (await beginning(response)).text)
                        : Advice.ACCEPTED;
                }
            }
        }
        try {
            session.refused(signed, response.status, advice);
        } catch (error) {
            void response.body?.cancel().catch(ignored); // nobody gets it
            throw error;
        }
        return response;
    }

    #options(): { host: string | null; signal: AbortSignal | null } {
        return { host: this.#headers.get("host"), signal: this.#signal };
    }

    /** Null if that fails and the caller can still get the refusal. */
    async #authorizeAgain(response: Response, ended: boolean): Promise<Signed | null> {
        if (!ended) {
            void response.body?.cancel().catch(ignored); // the second attempt may need the connection
        }
        try {
            return await this.#session.authorize(this.#method, this.#url, this.#options());
        } catch (error) {
            if (ended && error instanceof TcAuthError) {
                return null;
            }
            throw error;
        }
    }

    #send(signed: Signed): Promise<Response> {
        const headers = new Headers(this.#headers);
        headers.delete("timestamp");
        for (const [name, value] of signed.headers) {
            headers.set(name, value);
        }
        const init: Init = { ...this.#init, method: this.#method, headers, redirect: "manual", signal: this.#signal };
        if (this.#request === null) {
            return this.#fetch(this.#url, init);
        }
        // A new Request has what this one can't tell: the source of its body, and its dispatcher.
        const Request = this.#request.constructor as typeof globalThis.Request;
        return this.#fetch(new Request(this.#request, init));
    }

    #canBeSentAgain(): boolean {
        if (this.#init.body != null) {
            return !isStream(this.#init.body);
        }
        return this.#request === null || this.#init.body === null || this.#request.body === null;
    }
}

/** A copy, with what is inherited: a Request can be passed as init, and all that it has is in its prototype. */
function membersOf(init: Init): Init {
    const members: Record<string, unknown> = {};
    for (const name in init) {
        members[name] = init[name as keyof Init];
    }
    return members;
}

/** The URL as fetch() sends it. */
function urlOf(text: string): string {
    if (!URL.canParse(text)) {
        throw new TcAuthError(Status.INVALID_URI_FORM, "fetch needs a whole URL: auth.url(path) makes it");
    }
    return new Request(text).url;
}

function isRequest(input: Input): input is Request {
    return (
        typeof input === "object" && !(input instanceof URL || input instanceof Url) && typeof input.url === "string"
    );
}

/** Whether a body can be read only once: streams, and what fetch reads as one. */
function isStream(body: NonNullable<Init["body"]>): boolean {
    return typeof body === "object" && (Symbol.asyncIterator in body || "getReader" in body);
}

/** The beginning of the body, which the caller still gets, and whether that is all of it. */
async function beginning(response: Response): Promise<{ text: Uint8Array; ended: boolean }> {
    if (response.body === null || response.bodyUsed) {
        return { text: new Uint8Array(), ended: true };
    }
    const reader = response.clone().body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    const parts: Uint8Array[] = [];
    let size = 0;
    let ended = false;
    let isLate = false;
    const stop = (): void => void reader.cancel().catch(ignored);
    const timer = setTimeout(() => {
        isLate = true;
        stop();
    }, REVIEW_MS);
    try {
        while (size < REVIEW_LIMIT && !ended) {
            const { done, value } = await reader.read();
            ended = done;
            if (value !== undefined) {
                parts.push(value);
                size += value.length;
            }
        }
    } catch {
        ended = true; // the caller gets the error, too
    }
    clearTimeout(timer);
    stop();
    return { text: Buffer.concat(parts), ended: ended && !isLate };
}

/** A response that came after redirects. */
function described(response: Response, url: string): Response {
    Object.defineProperty(response, "redirected", { value: true, configurable: true });
    Object.defineProperty(response, "url", { value: url.split("#", 1)[0], configurable: true });
    return response;
}

function ignored(): void {}
