"use strict";

// What the conformance program sends with: axios, with createFetch() below its adapter for fetch.

const { Readable } = require("node:stream");

const axios = require("axios");
const { createFetch } = require("tc-auth");

const { readOnce } = require("./client_undici.js");

const NAME = `axios ${axios.VERSION}`;

function create(auth, { certificate, ...options }) {
    const client = axios.create({
        adapter: "fetch",
        env: { fetch: createFetch(auth, { ...options, ...trusting(certificate) }), Request: null },
        responseType: "text",
        timeout: 45_000,
        transformResponse: (text) => text, // it would turn JSON into an object
        validateStatus: null,
    });
    return {
        async send(method, url, body, once) {
            const send = () => client.request({ method, url, data: once ? Readable.from(readOnce(body)) : body });
            const response = await send().catch((error) => {
                if (method !== "GET" || error.code !== "ERR_NETWORK") {
                    throw error.cause ?? error;
                }
                return send();
            });
            return [response.status, response.data];
        },
    };
}

/** The fetch that comes with Node.js has no option for certificates; that of undici has. */
function trusting(certificate) {
    if (certificate === null) {
        return {};
    }
    const { Agent, fetch } = require("undici");
    const dispatcher = new Agent({ connect: { ca: certificate } });
    return {
        fetch: (input, init) => fetch(input, { ...init, dispatcher }),
        renewal: { tls: { ca: certificate } },
    };
}

module.exports = { NAME, create, trusting };
