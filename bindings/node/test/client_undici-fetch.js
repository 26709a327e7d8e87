"use strict";

// What the conformance program sends with: undici's fetch(), with tcAuth as an interceptor of its dispatcher.

const { fetch } = require("undici");

const { NAME, again, dispatcherFor, readOnce } = require("./client_undici.js");

function create(auth, options) {
    const dispatcher = dispatcherFor(auth, options);
    return {
        async send(method, url, body, once) {
            const send = () =>
                fetch(url, {
                    dispatcher,
                    method,
                    body: once ? ReadableStream.from(readOnce(body)) : body,
                    duplex: "half",
                });
            const response = await send().catch(again(method, send)).catch(unwrap);
            return [response.status, await response.text()];
        },
        close: () => dispatcher.close(),
    };
}

/** fetch() throws a TypeError, with the error of the dispatcher as its cause. */
function unwrap(error) {
    throw error.cause ?? error;
}

module.exports = { NAME: `${NAME}, fetch`, create };
