// A ticket for the renewal of a token.

import { body as bytesOf, httpStatus } from "./border.js";
import { check, made, redacted, TcAuthError } from "./error.js";
import { native } from "./library.js";
import type { Ticket } from "./native.js";
import { Status } from "./status.js";

// Only this file makes a Renewal: its ticket must be an object of the add-on.
const INSIDE = Symbol();

/**
 * What Auth.poll() has begun. `ended` is called when it has ended.
 *
 * @internal
 */
export let renewalOf: (ticket: Ticket, ended: () => void) => Renewal;

/**
 * You must renew the token, and others wait for you.
 *
 * GET the url once, without an Authorization header, and call complete() or cancel() within two minutes. Then sign the
 * request, even if the renewal failed. A Renewal that is lost is cancelled when it is collected.
 */
export class Renewal {
    readonly #ticket: Ticket;
    readonly #ended: () => void;
    #hasEnded = false;

    private constructor(caller: typeof INSIDE, ticket: Ticket, ended: () => void) {
        if (caller !== INSIDE) {
            throw new TypeError("Auth.poll() and Auth.ready() make a Renewal");
        }
        this.#ticket = ticket;
        this.#ended = ended;
    }

    static {
        renewalOf = (ticket, ended) => new Renewal(INSIDE, ticket, ended);
    }

    /** The URL to GET. It contains the token: do not log it, and follow no redirect. */
    get url(): string {
        const url = native.renewalUrl(this.#ticket);
        if (url === null) {
            throw new TcAuthError(Status.NULL_ARGUMENT);
        }
        return url;
    }

    /**
     * Whether the URL must still be requested.
     *
     * False if the token was replaced or extended in the meantime, or the Auth was closed: then cancel. Ask after
     * Auth.unseal(), if other processes renew the same token. False after complete() or cancel().
     */
    get needed(): boolean {
        return native.renewalNeeded(this.#ticket);
    }

    /**
     * Ends the renewal with the server's response: any response, also an HTTP error, and what came of the body.
     *
     * Returns the server's message, which is usually null. Fails with RENEWAL_REFUSED or RENEWAL_BAD_RESPONSE, and the
     * server's message as its explanation; with STORE_IO if the new token counts but could not be saved for other
     * processes; with CLOSED after an earlier complete() or cancel(). In each case the renewal has ended.
     *
     * After Auth.shareIn() it waits for the disk, in a thread of its own.
     */
    async complete(status: number, body: string | Uint8Array | ArrayBuffer): Promise<string | null> {
        const result = made(native.complete(this.#ticket, httpStatus(status), bytesOf(body)));
        this.#hasEnded = true;
        try {
            const outcome = Array.isArray(result) ? result : await result; // not always this realm's Promise
            check(outcome[0], outcome[1]);
            return outcome[1];
        } finally {
            this.#ended();
        }
    }

    /** Ends the renewal without a response. Does nothing after an earlier complete() or cancel(). */
    cancel(): void {
        native.cancel(this.#ticket);
        this.#hasEnded = true;
        this.#ended();
    }

    /** The same as cancel(). */
    [Symbol.dispose](): void {
        this.cancel();
    }

    toString(): string {
        return `Renewal(${this.#hasEnded ? "ended" : "under way"})`;
    }
}
redacted(Renewal.prototype, function () {
    return this.toString();
});
