// What an Auth returns. Nothing here shows a secret in a log: only the members named below contain one.

import { redacted } from "./error.js";

/** The headers of one request. */
export class AuthHeaders {
    readonly #authorization: string;
    readonly #timestamp: number | null;

    constructor(authorization: string, timestamp: number | null = null) {
        this.#authorization = authorization;
        this.#timestamp = timestamp;
    }

    /** The value of the header Authorization. */
    get authorization(): string {
        return this.#authorization;
    }

    /** The second that was signed: the value of the header Timestamp. Null with a token. */
    get timestamp(): number | null {
        return this.#timestamp;
    }

    /** Names and values: `new Headers([...headers])`, `Object.fromEntries(headers)`. */
    *entries(): IterableIterator<[name: string, value: string]> {
        yield ["Authorization", this.#authorization];
        if (this.#timestamp !== null) {
            yield ["Timestamp", String(this.#timestamp)];
        }
    }

    [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
        return this.entries();
    }

    toString(): string {
        return `AuthHeaders(${this.#authorization.split(" ", 1)[0]} ***)`;
    }
}
redacted(AuthHeaders.prototype, function () {
    return this.toString();
});

/** A token and its expiry. */
export class Token {
    readonly #value: string;

    /** In Unix seconds; null if it is unknown, or never. */
    readonly expires: number | null;

    constructor(value: string, expires: number | null) {
        this.#value = value;
        this.expires = expires;
    }

    /** Secret. */
    get value(): string {
        return this.#value;
    }

    toString(): string {
        return `Token(***, expires ${this.expires})`;
    }
}
redacted(Token.prototype, function () {
    return this.toString();
});
