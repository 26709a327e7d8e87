"use strict";

// createFetch(), undici and axios, with one interface for the tests.

const { buffer } = require("node:stream/consumers");

const axios = require("axios");
const undici = require("undici");

const { createFetch } = require("tc-auth");
const { tcAuth } = require("tc-auth/undici");

const KINDS = ["fetch", "undici", "undici-fetch", "axios"];

/**
 * It follows redirects. `send(method, url, options)` resolves to `{ status, body, headers }`; its options are `body`,
 * `headers`, `signal`. The options of the client are those of tc-auth, and `agent` for the Agent of undici.
 */
class Client {
    constructor(kind, auth, options = {}) {
        const { agent, ...rest } = options;
        this.agent = new undici.Agent(agent);
        // What the fetch of Node.js takes, if its undici is older.
        const isOlder = undici.Dispatcher1Wrapper && Number.parseInt(process.versions.undici) < 8;
        this.legacy = isOlder ? new undici.Dispatcher1Wrapper(this.agent) : this.agent;
        this.send = this[kind](auth, rest);
    }

    get(url, options) {
        return this.send("GET", url, options);
    }

    close() {
        return this.agent.destroy();
    }

    fetch(auth, options) {
        const send = createFetch(auth, {
            fetch: (input, init) => fetch(input, { ...init, dispatcher: this.legacy }),
            ...options,
        });
        return async (method, url, { ...init } = {}) => replyOf(await send(url, { method, duplex: "half", ...init }));
    }

    undici(auth, options) {
        const dispatcher = this.#composed(auth, options);
        return async (method, url, init = {}) => {
            const response = await undici.request(url, { dispatcher, method, ...init });
            const encoding = response.headers["content-encoding"];
            const body = Buffer.from(await response.body.arrayBuffer());
            return { status: response.statusCode, body: decoded(body, encoding), headers: response.headers };
        };
    }

    "undici-fetch"(auth, options) {
        const dispatcher = this.#composed(auth, options);
        return async (method, url, init = {}) => {
            try {
                return await replyOf(await undici.fetch(url, { dispatcher, method, duplex: "half", ...init }));
            } catch (error) {
                throw error.cause ?? error;
            }
        };
    }

    axios(auth, options) {
        const send = createFetch(auth, {
            fetch: (input, init) => fetch(input, { ...init, dispatcher: this.legacy }),
            ...options,
        });
        const client = axios.create({
            adapter: "fetch",
            env: { fetch: send, Request: null },
            responseType: "stream",
            validateStatus: null,
        });
        return async (method, url, { body, ...init } = {}) => {
            try {
                const response = await client.request({ method, url, data: body, ...init });
                const headers = Object.fromEntries(Object.entries(response.headers));
                return { status: response.status, body: await buffer(response.data ?? []), headers };
            } catch (error) {
                throw error.cause ?? error;
            }
        };
    }

    #composed(auth, options) {
        return this.agent.compose(tcAuth(auth, options), undici.interceptors.redirect({ maxRedirections: 20 }));
    }
}

async function replyOf(response) {
    return {
        status: response.status,
        body: Buffer.from(await response.arrayBuffer()),
        headers: Object.fromEntries(response.headers),
    };
}

function decoded(body, encoding) {
    const zlib = require("node:zlib");
    return encoding === "gzip" ? zlib.gunzipSync(body) : encoding === "br" ? zlib.brotliDecompressSync(body) : body;
}

module.exports = { Client, KINDS };
