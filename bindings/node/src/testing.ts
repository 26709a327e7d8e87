/**
 * A fake platform for the tests of your own program. It needs no network and no test framework.
 *
 * ```js
 * const platform = await FakePlatform.start();
 * platform.answer("GET", "/v3/indicators", { data: [] });
 * const fetch = createFetch(platform.tokenAuth());
 * platform.expireTokens();
 * const response = await fetch(platform.apiPath + "/v3/indicators");
 * assert.deepEqual(await response.json(), { data: [] });
 * assert.equal(platform.renewals, 1);
 * await platform.close();
 * ```
 *
 * @module
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { Auth } from "./auth.js";

const WINDOW_SECONDS = 300;

/** A request with a valid authorization. */
export class ReceivedRequest {
    readonly method: string;
    /** Without the API path and the query, such as "/v3/indicators". */
    readonly path: string;
    readonly query: Readonly<Record<string, readonly string[]>>;
    /** They contain the authorization, so they are not shown when the request is printed. */
    declare readonly headers: Headers;
    readonly body: Uint8Array;

    /** @internal */
    constructor(method: string, path: string, query: Record<string, string[]>, headers: Headers, body: Uint8Array) {
        this.method = method;
        this.path = path;
        this.query = query;
        Object.defineProperty(this, "headers", { value: headers });
        this.body = body;
    }

    /** The body as text. */
    text(): string {
        return new TextDecoder().decode(this.body);
    }

    /** The body as JSON. */
    json(): unknown {
        return JSON.parse(this.text());
    }
}

/**
 * A value that is sent as JSON; bytes, which are sent as they are; a `Response`, with its own status and headers; or a
 * function that returns one of these, or a promise of one.
 */
export type Answer = unknown | ((request: ReceivedRequest) => unknown);

/** The options of a fake platform. */
export interface FakePlatformOptions {
    /** How long tokens live, in seconds. By default they have no expiry. */
    tokenLife?: number;
    /** How many seconds the clock of the platform is fast. */
    clockOffset?: number;
}

/**
 * A server on this machine that checks the authorization of requests as ThreatConnect's platform does.
 *
 * It accepts one key pair, and the tokens that it has issued. A renewal invalidates the old token. All requests with a
 * valid authorization are kept in `requests`. What was not given to `answer()` gets status 200 and `{"status":
 * "Success"}`.
 *
 * The server does not keep a program alive that has nothing else to do.
 */
export class FakePlatform {
    static readonly accessId = "12345678901234567890";
    static readonly secretKey = "fake-platform-secret-key";

    /** The requests that were accepted, in this order. Renewals are not among them. */
    readonly requests: ReceivedRequest[] = [];
    /** The platform's messages to requests with an invalid authorization. */
    readonly refused: string[] = [];
    /** How many renewals were asked for. */
    renewals = 0;
    /** How long the tokens live that are issued from now on, in seconds; null if they have no expiry. */
    tokenLife: number | null;
    /** How many seconds the clock of the platform is fast. */
    clockOffset: number;
    /** The server, such as "http://127.0.0.1:40001". */
    readonly url: string;

    readonly #server: Server;
    readonly #answers = new Map<string, { status: number; answer: Answer }>();
    readonly #tokens = new Map<string, number | null>(); // those that are known, with their expiry
    #issued = 0;
    #refuseRenewals = false;

    private constructor(server: Server, options: FakePlatformOptions) {
        this.#server = server;
        this.tokenLife = options.tokenLife ?? null;
        this.clockOffset = options.clockOffset ?? 0;
        this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        server.on("request", (request, response) => void this.#respond(request, response));
    }

    /** Starts the server. */
    static async start(options: FakePlatformOptions = {}): Promise<FakePlatform> {
        const server = createServer();
        server.on("connection", (socket) => socket.unref());
        await new Promise<void>((resolve, reject) => {
            server.once("error", reject);
            server.listen(0, "127.0.0.1", resolve);
        });
        server.unref();
        return new FakePlatform(server, options);
    }

    /** What the platform gives to an App as tc_api_path. */
    get apiPath(): string {
        return this.url + "/api";
    }

    /** An Auth with the platform's key pair and API path. */
    hmacAuth(): Auth {
        return this.#withApiPath(Auth.hmac(FakePlatform.accessId, FakePlatform.secretKey));
    }

    /** An Auth with a new token and the platform's API path. */
    tokenAuth(): Auth {
        const { token, expires } = this.issueToken();
        return this.#withApiPath(Auth.token(token, expires ?? undefined));
    }

    /** Another valid token, and its expiry in Unix seconds. */
    issueToken(): { token: string; expires: number | null } {
        this.#issued += 1;
        const token = `API:${this.#issued}:${randomBytes(18).toString("base64url")}+/=`;
        const expires = this.tokenLife === null ? null : this.#now() + this.tokenLife;
        this.#tokens.set(token, expires);
        return { token, expires };
    }

    /**
     * Expires all tokens now. They can still be renewed.
     *
     * The next request is refused, and the Auth renews its token: once a minute, because a server that rejects each new
     * token must not cause a renewal with each request. For a second renewal in one test make another `tokenAuth()`.
     */
    expireTokens(): void {
        for (const token of this.#tokens.keys()) {
            this.#tokens.set(token, 0);
        }
    }

    /** From now on, a renewal is refused for good. */
    refuseRenewals(refuse = true): void {
        this.#refuseRenewals = refuse;
    }

    /** Answers requests with this method and path, which is without the API path and the query. */
    answer(method: string, path: string, answer: Answer, status = 200): void {
        if (!/^\/[^?#]*$/.test(path)) {
            // No request would ever get the answer.
            throw new TypeError('path must begin with "/", and have no query');
        }
        this.#answers.set(`${method.toUpperCase()} ${path}`, { status, answer });
    }

    /** Stops the server, and closes its connections. */
    async close(): Promise<void> {
        if (this.#server.listening) {
            const closed = new Promise((resolve) => this.#server.close(resolve));
            this.#server.closeAllConnections();
            await closed;
        }
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.close();
    }

    #withApiPath(auth: Auth): Auth {
        auth.apiPath = this.apiPath;
        return auth;
    }

    #now(): number {
        return Math.floor(Date.now() / 1000) + this.clockOffset;
    }

    async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
        try {
            const chunks: Buffer[] = [];
            for await (const chunk of request) {
                chunks.push(chunk as Buffer);
            }
            const { status, headers, content } = await this.#answerTo(request, Buffer.concat(chunks));
            response.writeHead(status, {
                "content-type": "application/json",
                date: new Date(this.#now() * 1000).toUTCString(),
                ...headers,
                "content-length": content.byteLength,
            });
            response.end(content);
        } catch {
            response.destroy(); // the client gave up
        }
    }

    async #answerTo(request: IncomingMessage, body: Uint8Array): Promise<Content> {
        const method = request.method ?? "";
        const target = request.url ?? "";
        const end = `${target}?`.indexOf("?");
        const [fullPath, query] = [target.slice(0, end), queryOf(target.slice(end + 1))];
        const path = fullPath.startsWith("/api/") ? fullPath.slice("/api".length) : fullPath;
        if (path.replace(/\/+$/, "") === "/appAuth") {
            return this.#renew(query["expiredToken"]?.[0] ?? "");
        }
        const objection = this.#objection(method, target, request);
        if (objection !== null) {
            this.refused.push(objection);
            return contentOf(401, { status: "Failure", message: objection });
        }
        const received = new ReceivedRequest(method, path, query, headersOf(request), body);
        this.requests.push(received);
        const { status, answer } = this.#answers.get(`${method} ${path}`) ?? {
            status: 200,
            answer: { status: "Success" },
        };
        try {
            return await contentOf(status, typeof answer === "function" ? await answer(received) : answer);
        } catch (error) {
            const message = `the answer to ${method} ${path} can't be sent: ${String(error)}`;
            return contentOf(500, { status: "Failure", message });
        }
    }

    #renew(token: string): Promise<Content> {
        this.renewals += 1;
        if (this.#refuseRenewals) {
            return contentOf(200, { success: false, message: "The token may not be renewed" });
        }
        if (!this.#tokens.delete(token)) {
            return contentOf(401, { success: false, message: "Unauthorized" });
        }
        const successor = this.issueToken();
        const expires = successor.expires === null ? null : String(successor.expires);
        return contentOf(200, { success: true, apiToken: successor.token, apiTokenExpires: expires });
    }

    /** The platform's message to a request that it refuses. */
    #objection(method: string, target: string, request: IncomingMessage): string | null {
        const values = request.headersDistinct["authorization"] ?? [];
        const [scheme, value] = halves(values.join(""), " ");
        if (values.length === 1 && scheme === "TC-Token") {
            const expires = this.#tokens.get(value);
            return expires === null || (expires !== undefined && this.#now() < expires) ? null : "Unauthorized";
        }
        if (values.length !== 1 || scheme !== "TC") {
            return "Unauthorized";
        }
        const timestamp = (request.headersDistinct["timestamp"] ?? []).join("");
        return this.#objectionToSignature(value, `${target}:${method}`, timestamp);
    }

    #objectionToSignature(value: string, signed: string, timestamp: string): string | null {
        const [accessId, signature] = halves(value, ":");
        if (accessId !== FakePlatform.accessId) {
            return "Access Denied";
        }
        if (!/^[0-9]{1,11}$/.test(timestamp)) {
            return "Invalid timestamp";
        }
        if (Math.abs(Number(timestamp) - this.#now()) > WINDOW_SECONDS) {
            return "Timestamp out of acceptable time range";
        }
        const hmac = createHmac("sha256", FakePlatform.secretKey).update(`${signed}:${timestamp}`, "latin1");
        const [expected, sent] = [Buffer.from(hmac.digest("base64")), Buffer.from(signature)];
        const isRight = expected.length === sent.length && timingSafeEqual(expected, sent);
        return isRight ? null : "Signature data did not match expected result";
    }
}

/** What is sent. */
interface Content {
    readonly status: number;
    readonly headers: Record<string, string | string[]>;
    readonly content: Uint8Array;
}

async function contentOf(status: number, answer: unknown): Promise<Content> {
    if (answer instanceof Response) {
        if (answer.status < 200) {
            throw new RangeError(`a Response with the status ${answer.status}`);
        }
        // A copy, because the same answer may be asked for again.
        const content = new Uint8Array(await answer.clone().arrayBuffer());
        const cookies = answer.headers.getSetCookie(); // the only field that can be there more than once
        const headers = { ...Object.fromEntries(answer.headers), ...(cookies.length > 0 && { "set-cookie": cookies }) };
        return { status: answer.status, headers, content };
    }
    const content = answer instanceof Uint8Array ? answer : Buffer.from(JSON.stringify(answer) ?? "null");
    return { status, headers: {}, content };
}

function queryOf(text: string): Record<string, string[]> {
    const query = new Map<string, string[]>();
    for (const [name, value] of new URLSearchParams(text)) {
        query.set(name, [...(query.get(name) ?? []), value]);
    }
    // An object as others, so that assert.deepStrictEqual() can compare it. A name such as __proto__ is one of its own.
    return Object.fromEntries(query);
}

function headersOf(request: IncomingMessage): Headers {
    const headers = new Headers();
    for (let index = 0; index < request.rawHeaders.length; index += 2) {
        headers.append(request.rawHeaders[index]!, request.rawHeaders[index + 1]!);
    }
    return headers;
}

/** What stands before and after the first separator. */
function halves(text: string, separator: string): [string, string] {
    const at = text.indexOf(separator);
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
