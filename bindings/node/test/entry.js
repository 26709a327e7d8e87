"use strict";

// The commands of the conformance program that send requests, with one of the clients.
//
// Each client is a module client_NAME.js with its NAME and `create(auth, options)`, which returns an object with
// `send(method, url, body, once)`: a promise of the status and the body. With `once`, the body can be read only once.

const fs = require("node:fs");

const moduleOf = (client) => require(`./client_${client}.js`);

/** The client of an Auth, with what has happened. */
class Entry {
    #client;
    #events = [];
    #answer;

    constructor(client, auth, certificate, shareIn) {
        this.#client = moduleOf(client).create(auth, {
            certificate: certificate === null ? null : fs.readFileSync(certificate),
            onEvent: (event) => this.#events.push(lineOf(event)),
            ...(shareIn && { shareIn }),
        });
    }

    events() {
        return this.#events.splice(0);
    }

    send(method, url, body, once = false) {
        return this.#client.send(method, url, body === null ? null : Buffer.from(body), once);
    }

    start(method, url) {
        this.#answer = this.send(method, url, null);
        this.#answer.catch(() => {}); // finish() gets it
    }

    finish() {
        return this.#answer;
    }

    /** Requests and failures; with a URL that rejects all tokens, also the requests to that. */
    async storm(url, count, seconds, rejectingUrl) {
        const end = performance.now() + seconds * 1000;
        const sent = { 200: 0, 401: 0 };
        let failed = 0;
        const work = async (target, expected) => {
            while (performance.now() < end) {
                sent[expected] += 1;
                const [status, text] = await this.send("GET", target, null).catch((error) => [0, String(error)]);
                if (status !== expected) {
                    failed += 1;
                    if (failed <= 3) {
                        console.error(`storm: ${status} instead of ${expected}: ${text}`);
                    }
                }
            }
        };
        const workers = Array.from({ length: count }, () => work(url, 200));
        if (rejectingUrl) {
            workers.push(work(rejectingUrl, 401));
        }
        await Promise.all(workers);
        return [sent[200], failed, ...(rejectingUrl ? [sent[401]] : [])];
    }
}

/** The line of an event, as in tests/platform/README.md. */
function lineOf(event) {
    switch (event.type) {
        case "renewed":
            return event.saved ? "renewal OK" : "renewal STORE_IO";
        case "renewalFailed":
            return event.code === null ? "renewal CANCELLED" : `renewal ${event.code} ${event.message}`.trim();
        case "adopted":
            return "adopted";
        default:
            return `${event.type} ${event.advice} ${event.httpStatus}`;
    }
}

module.exports = { Entry, nameOf: (client) => moduleOf(client).NAME };
