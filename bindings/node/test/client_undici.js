"use strict";

// What the conformance program sends with: undici's request(), with redirects and tcAuth as its interceptors.

const { Agent, interceptors, request } = require("undici");

const { tcAuth } = require("tc-auth/undici");

const NAME = `undici ${require("undici/package.json").version}`;

function dispatcherFor(auth, { certificate, ...options }) {
    const tls = certificate === null ? {} : { ca: certificate };
    return new Agent({ connect: tls, headersTimeout: 45_000, bodyTimeout: 45_000 }).compose(
        tcAuth(auth, { ...options, renewal: { tls } }),
        interceptors.redirect({ maxRedirections: 20 }),
    );
}

function create(auth, options) {
    const dispatcher = dispatcherFor(auth, options);
    return {
        async send(method, url, body, once) {
            const send = () => request(url, { dispatcher, method, body: once ? readOnce(body) : body });
            const response = await send().catch(again(method, send));
            return [response.statusCode, await response.body.text()];
        },
        close: () => dispatcher.close(),
    };
}

/** undici does not repeat a GET whose connection was lost. */
function again(method, send) {
    return (error) => {
        if (method !== "GET" || (error.cause ?? error).code !== "UND_ERR_SOCKET") {
            throw error;
        }
        return send();
    };
}

async function* readOnce(body) {
    yield body;
}

module.exports = { NAME, again, create, dispatcherFor, readOnce };
