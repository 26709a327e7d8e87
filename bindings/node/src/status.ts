// The enumerations of the C library. A later library may have more numbers.

import { native } from "./library.js";

/** Why a call failed. */
export const Status = Object.freeze({
    OK: 0,
    NULL_ARGUMENT: 1,
    INVALID_METHOD: 2,
    INVALID_URI_FORM: 3,
    INVALID_URI_BYTE: 4,
    INVALID_ACCESS_ID: 5,
    INVALID_SECRET_KEY: 6,
    INVALID_TOKEN: 7,
    INVALID_TIME: 8,
    BUFFER_TOO_SMALL: 9,
    WRONG_KIND: 10,
    TOKEN_EXPIRED: 11,
    RENEWAL_REFUSED: 12,
    RENEWAL_BAD_RESPONSE: 13,
    RENEWAL_TIMEOUT: 14,
    ALREADY_SET: 15,
    NO_CREDENTIALS: 16,
    CONFIG_SYNTAX: 17,
    CONFIG_IO: 18,
    CONFIG_DECRYPT: 19,
    API_PATH_MISSING: 20,
    SIGNATURE_MISMATCH: 21,
    TIMESTAMP_OUT_OF_RANGE: 22,
    MALFORMED_AUTHORIZATION: 23,
    INVALID_ARGUMENT: 24,
    OTHER_ORIGIN: 25,
    SEAL_INVALID: 26,
    SEAL_VERSION: 27,
    STORE_IO: 28,
    PANIC: 99,
});
export type Status = (typeof Status)[keyof typeof Status];

/** The name of a status, such as "TOKEN_EXPIRED". */
export type StatusName = keyof typeof Status;

/** What to do about a response. Act only on RETRY; the others are for a log. */
export const Advice = Object.freeze({
    ACCEPTED: 0,
    RETRY: 1,
    BAD_SIGNATURE: 2,
    CLOCK_SKEW: 3,
    TOKEN_REJECTED: 4,
    ACCESS_DENIED: 5,
    NOT_LICENSED: 6,
    UNKNOWN: 7,
});
export type Advice = (typeof Advice)[keyof typeof Advice];

/** The name of an advice, such as "TOKEN_REJECTED". */
export type AdviceName = keyof typeof Advice;

/** What an Auth contains: a key pair or a token; NONE if it is closed. */
export const Kind = Object.freeze({ NONE: 0, HMAC: 1, TOKEN: 2 });
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What can be done with a token. */
export const State = Object.freeze({
    /** There is no token, but a key pair. */
    NONE: 0,
    /** It is not due. */
    VALID: 1,
    /** The next poll returns a Renewal. */
    DUE: 2,
    /** It is being renewed. */
    UNDER_WAY: 3,
    /** It is due, but the next attempt comes only after a pause. */
    PAUSED: 4,
    /** The server refused to renew it. */
    REFUSED: 5,
    /** It begins with "APIV2:", or there is no API path. */
    NOT_RENEWABLE: 6,
});
export type State = (typeof State)[keyof typeof State];

/** What a sealed token was, compared with the current one. */
export const Unsealed = Object.freeze({
    /** The same token, with the same expiry. */
    SAME: 0,
    /** Newer: it is the current token now. */
    ADOPTED: 1,
    /** Older: store what seal() returns. */
    OLDER: 2,
});
export type Unsealed = (typeof Unsealed)[keyof typeof Unsealed];

/** The name of a status, for logs; "UNKNOWN" if the library does not know the number. */
export function statusName(status: number): string {
    return native.statusName(status);
}

/** One sentence that says what is wrong and what to do about it. */
export function statusMessage(status: number): string {
    return native.statusMessage(status);
}

/** The name of an advice, such as "RETRY", for logs; "UNKNOWN" if the library does not know the number. */
export function adviceName(advice: number): string {
    return native.adviceName(advice);
}

/** One sentence that says what an advice means and what to do. */
export function adviceMessage(advice: number): string {
    return native.adviceMessage(advice);
}

/** The name that a number has in one of these enumerations; the number itself, as text, if there is none. */
export function nameIn(enumeration: Readonly<Record<string, number>>, number: number): string {
    return Object.keys(enumeration).find((name) => enumeration[name] === number) ?? String(number);
}
