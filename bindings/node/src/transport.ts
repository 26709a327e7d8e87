// The renewal of a token: one GET on a new connection.
//
// Its URL contains the token. Node.js shows the path of a request to many: to subscribers of diagnostics_channel, to
// PerformanceObserver, to traces, and to tools that replace http.request. So the request is made for the path "/", and
// has its own only while its head is written.

import http from "node:http";
import https from "node:https";
import { clearTimeout, setTimeout } from "node:timers";
import tls from "node:tls";
import { isIP, type Socket } from "node:net";
import * as border from "./border.js";
import { TcAuthError } from "./error.js";
import type { RenewalFailed, Renewed } from "./events.js";
import type { Renewal } from "./renewal.js";
import { Status } from "./status.js";

/** How many bytes of a response are read. A valid one has a few hundred. */
export const LIMIT = 1 << 20;

/** The longest time that a renewal may take, in milliseconds. */
export const RENEWAL_MS = 30_000;

/** How a renewal connects. */
export interface RenewalOptions {
    /** TLS settings, such as `ca`, `cert` and `key`; also for a proxy with an https URL. */
    tls?: tls.ConnectionOptions | undefined;

    /**
     * The URL of an HTTP proxy, "http://user:password@proxy.example:3128"; null for none. By default there is none,
     * unless NODE_USE_ENV_PROXY=1 makes Node.js use those of HTTPS_PROXY and HTTP_PROXY.
     */
    proxy?: string | URL | null | undefined;

    /** The longest time that a renewal may take, in milliseconds: at most 30,000, which is the default. */
    timeout?: number | undefined;
}

export interface Settings {
    readonly tls: tls.ConnectionOptions;

    /** Undefined: that of the environment. */
    readonly proxy: URL | null | undefined;

    readonly timeout: number;
}

export function settingsOf(options: RenewalOptions = {}): Settings {
    const { tls, proxy, timeout } = border.options<RenewalOptions>("renewal", options, {
        tls: "object",
        proxy: "any",
        timeout: "any",
    });
    const limit = timeout ?? RENEWAL_MS;
    if (!(limit > 0 && limit <= RENEWAL_MS)) {
        throw new TcAuthError(Status.INVALID_ARGUMENT, "renewal.timeout must be 1 to 30000 milliseconds");
    }
    return { tls: { ...tls }, proxy: proxy == null ? proxy : proxyOf(proxy), timeout: limit };
}

function proxyOf(text: string | URL): URL {
    const proxy = URL.canParse(String(text)) ? new URL(text) : null;
    if (proxy?.protocol !== "http:" && proxy?.protocol !== "https:") {
        throw new TcAuthError(Status.INVALID_ARGUMENT, "a proxy must have an http or https URL");
    }
    return proxy;
}

const USE_ENV_PROXY = "--use-env-proxy";

/**
 * The proxy that Node.js takes from the environment, if it was told to. A version that can't do it takes none: then the
 * requests of the program go without one, too.
 */
function proxyOfEnvironment(server: URL): URL | null {
    const { env } = process;
    const flags = [...process.execArgv, ...(env["NODE_OPTIONS"] ?? "").split(/\s+/)];
    const isWanted = env["NODE_USE_ENV_PROXY"] === "1" || flags.includes(USE_ENV_PROXY);
    if (!isWanted || !process.allowedNodeEnvironmentFlags.has(USE_ENV_PROXY)) {
        return null;
    }
    const isSecure = server.protocol === "https:";
    const proxy = isSecure ? env["https_proxy"] || env["HTTPS_PROXY"] : env["http_proxy"] || env["HTTP_PROXY"];
    const excluded = (env["no_proxy"] || env["NO_PROXY"] || "").toLowerCase().split(/[\s,]+/);
    const host = hostOf(server);
    const isExcluded = excluded.some((entry) => {
        const suffix = entry.replace(/^\*(?=.)/, "");
        return entry === "*" || entry === host || entry === server.host || (suffix[0] === "." && host.endsWith(suffix));
    });
    return proxy && !isExcluded ? proxyOf(proxy) : null;
}

/** Sends the renewal once, completes it, and tells how it ended. It throws nothing: an error could hold the URL. */
export async function exchange(renewal: Renewal, settings: Settings): Promise<Renewed | RenewalFailed> {
    const answer = await new Answer().fetch(renewal, settings);
    const body = answer.body();
    const { status: httpStatus, failure } = answer;
    try {
        if (httpStatus === 0) {
            return { type: "renewalFailed", code: null, message: "", httpStatus, failure };
        }
        // Also if the transfer failed: what came may contain the new token, and the old one is then invalid.
        await renewal.complete(httpStatus, body);
        return { type: "renewed", saved: true };
    } catch (error) {
        if (!(error instanceof TcAuthError)) {
            return { type: "renewalFailed", code: null, message: "", httpStatus, failure: nameOf(error) };
        }
        if (error.status === Status.STORE_IO) {
            return { type: "renewed", saved: false };
        }
        if (failure !== "" && error.status === Status.RENEWAL_BAD_RESPONSE) {
            return { type: "renewalFailed", code: null, message: "", httpStatus, failure };
        }
        return { type: "renewalFailed", code: error.code, message: error.explanation ?? "", httpStatus, failure: "" };
    } finally {
        renewal.cancel(); // it does nothing after complete(); otherwise the others would wait for this renewal
        body.fill(0);
    }
}

/** What came. */
class Answer {
    /** 0 if there was no answer. */
    status = 0;

    /** What prevented a complete answer. */
    failure = "";

    readonly #parts: Buffer[] = [];
    #size = 0;
    #request: http.ClientRequest | undefined;
    #tunnel: http.ClientRequest | undefined;
    #response: http.IncomingMessage | undefined;

    body(): Buffer {
        const body = Buffer.concat(this.#parts);
        this.#parts.forEach((part) => part.fill(0));
        return body;
    }

    fetch(renewal: Renewal, settings: Settings): Promise<this> {
        return new Promise((resolve) => {
            let hasEnded = false;
            const end = (failure: string): void => {
                if (hasEnded) {
                    return;
                }
                hasEnded = true;
                clearTimeout(timer);
                this.#takeTheRest();
                this.failure = failure;
                this.#request?.destroy();
                this.#tunnel?.destroy();
                resolve(this);
            };
            const timer = setTimeout(() => end("TimeoutError"), settings.timeout);
            try {
                const url = renewal.url;
                const origin = new URL("/", url);
                const proxy = settings.proxy === undefined ? proxyOfEnvironment(origin) : settings.proxy;
                if (proxy === null || origin.protocol === "http:") {
                    this.#send(url, origin, settings, proxy, null, end);
                } else {
                    this.#connect(settings, proxy, origin, end, (socket) => {
                        if (hasEnded) {
                            socket.destroy();
                        } else {
                            this.#send(url, origin, settings, null, socket, end);
                        }
                    });
                }
            } catch (error) {
                end(nameOf(error));
            }
        });
    }

    /** `proxy` gets the whole URL; `tunnel` is a connection to the server through a proxy. */
    #send(
        url: string,
        origin: URL,
        settings: Settings,
        proxy: URL | null,
        tunnel: Socket | null,
        end: (failure: string) => void,
    ): void {
        const isSecure = (proxy ?? origin).protocol === "https:";
        const options: https.RequestOptions = {
            ...(isSecure ? securityOf(settings, proxy ?? origin) : {}),
            ...addressOf(proxy ?? origin),
            path: "/",
            agent: false,
            headers: {
                Host: origin.host,
                Accept: "application/json",
                "Accept-Encoding": "identity",
                Connection: "close",
                "User-Agent": "tc-auth",
                ...(proxy === null ? {} : authorizationOf(proxy)),
            },
        };
        if (tunnel !== null) {
            delete options.agent;
            options.createConnection = () => tls.connect({ ...securityOf(settings, origin), socket: tunnel });
        }
        const request = (isSecure ? https : http).request(options);
        this.#request = request;
        request.on("response", (response) => this.#receive(response, end));
        request.on("upgrade", (response: http.IncomingMessage) => {
            this.status = response.statusCode ?? 0;
            end("Upgrade");
        });
        request.on("error", (error) => end(nameOf(error)));
        request.on("close", () => this.#response ?? end("Closed"));
        const path = proxy === null ? url.slice(url.indexOf("/", origin.protocol.length + 2)) : url;
        request.on("socket", (socket) =>
            socket.once(isSecure ? "secureConnect" : "connect", () => write(request, path)),
        );
    }

    /** What came together with a wrong end is still in the stream. Each read() emits what it returns. */
    #takeTheRest(): void {
        while (this.#size <= LIMIT && this.#response?.read() != null) {
            continue;
        }
    }

    #receive(response: http.IncomingMessage, end: (failure: string) => void): void {
        this.#response = response;
        this.status = response.statusCode ?? 0;
        response.on("data", (part: Buffer) => {
            this.#parts.push(part);
            this.#size += part.length;
            if (this.#size > LIMIT) {
                end("TooLong");
            }
        });
        response.on("end", () => end(response.complete ? "" : "Incomplete"));
        response.on("error", (error) => end(nameOf(error)));
        response.on("close", () => end("Closed"));
    }

    /** Opens a tunnel through a proxy. */
    #connect(
        settings: Settings,
        proxy: URL,
        origin: URL,
        end: (failure: string) => void,
        connected: (socket: Socket) => void,
    ): void {
        const server = `${origin.hostname}:${origin.port || 443}`;
        const isSecure = proxy.protocol === "https:";
        const request = (isSecure ? https : http).request({
            ...(isSecure ? securityOf(settings, proxy) : {}),
            ...addressOf(proxy),
            method: "CONNECT",
            path: server,
            agent: false,
            headers: { Host: server, ...authorizationOf(proxy) },
        });
        this.#tunnel = request;
        request.on("connect", (response: http.IncomingMessage, socket: Socket, head: Buffer) => {
            if (response.statusCode !== 200 || head.length > 0) {
                socket.destroy();
                end("ProxyError");
            } else {
                connected(socket);
            }
        });
        request.on("response", (response) => {
            response.destroy();
            end("ProxyError");
        });
        request.on("error", (error) => end(nameOf(error)));
        request.end();
    }
}

/** Writes the request. The connection is there, so the head does not wait in the request, where others could see it. */
function write(request: http.ClientRequest & { _header?: unknown }, path: string): void {
    request.path = path;
    request.flushHeaders();
    request.path = "/";
    if (typeof request._header === "string") {
        request._header = "GET / HTTP/1.1\r\n\r\n"; // what was written; it is not needed any more
    }
    request.end();
}

function securityOf(settings: Settings, server: URL): tls.ConnectionOptions {
    const host = hostOf(server);
    return { ...(isIP(host) === 0 ? { servername: host } : {}), ...settings.tls, host, ALPNProtocols: ["http/1.1"] };
}

function hostOf(url: URL): string {
    return url.hostname.replace(/^\[|\]$/g, "");
}

function addressOf(url: URL): { protocol: string; host: string; port: string } {
    return { protocol: url.protocol, host: hostOf(url), port: url.port };
}

function authorizationOf(proxy: URL): Record<string, string> {
    if (proxy.username === "") {
        return {};
    }
    const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
    return { "Proxy-Authorization": `Basic ${Buffer.from(user).toString("base64")}` };
}

/** The type of an error. Its message may hold the URL. */
function nameOf(error: unknown): string {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return typeof code === "string" ? code : typeof name === "string" ? name : "Error";
}
