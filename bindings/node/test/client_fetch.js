"use strict";

// What the conformance program sends with: createFetch() with the fetch that comes with Node.js.

const { createFetch } = require("tc-auth");

const { trusting } = require("./client_axios.js");
const { readOnce } = require("./client_undici.js");

const NAME = "fetch";

function create(auth, { certificate, ...options }) {
    const fetch = createFetch(auth, { ...options, ...trusting(certificate) });
    return {
        async send(method, url, body, once) {
            const signal = AbortSignal.timeout(45_000);
            const send = () =>
                fetch(url, { method, body: once ? ReadableStream.from(readOnce(body)) : body, duplex: "half", signal });
            const response = await send().catch((error) => {
                if (method !== "GET" || error.cause?.code !== "UND_ERR_SOCKET") {
                    throw error;
                }
                return send();
            });
            return [response.status, await response.text()];
        },
    };
}

module.exports = { NAME, create };
