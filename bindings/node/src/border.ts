// JavaScript's strings and numbers for C. Whatever a caller passes must not be changed on the way. In a vm context, as test
// runners use it, a Buffer is no instance of the global Uint8Array: so types are asked from node:util.

import { fileURLToPath } from "node:url";
import { types } from "node:util";
import type { Bytes } from "./native.js";
import { TcAuthError } from "./error.js";
import { Status } from "./status.js";

/** The error for an argument of another type. It does not show the value. */
export function wrongType(name: string, value: unknown, wanted: string): TypeError {
    const error: TypeError & { code?: string } = new TypeError(`${name} must be ${wanted}, not ${typeName(value)}`);
    error.code = "ERR_INVALID_ARG_TYPE";
    return error;
}

function typeName(value: unknown): string {
    if (value === null || value === undefined) {
        return String(value);
    }
    return typeof value === "object" ? (value.constructor?.name ?? "Object") : typeof value;
}

/** The longest argument, in characters or bytes, as in the add-on, and the most arguments of a program. */
const LONGEST = 16 << 20;
const MOST_ARGUMENTS = 1 << 20;

/** Says that a value is too long; null if it is not. */
export function tooLong(name: string, value: unknown): string | null {
    const isText = typeof value === "string";
    return (isText || types.isUint8Array(value)) && value.length > LONGEST
        ? `${name} is longer than ${LONGEST} ${isText ? "characters" : "bytes"}`
        : null;
}

function checkLength(name: string, value: unknown, refusal: Status): void {
    const problem = tooLong(name, value);
    if (problem !== null) {
        throw new TcAuthError(refusal, problem);
    }
}

// Of ECMAScript 2024, which Node.js 20 has.
type WellFormed = { isWellFormed(): boolean };

/** A string. One with a NUL or a lone surrogate gets the status that its argument has for other bad characters. */
export function text(name: string, value: unknown, refusal: Status): string {
    if (typeof value !== "string") {
        throw wrongType(name, value, "a string");
    }
    checkLength(name, value, refusal);
    if (value.includes("\0") || !(value as unknown as WellFormed).isWellFormed()) {
        throw new TcAuthError(refusal);
    }
    return value;
}

/** The same, or bytes, in which C refuses what it does not accept. */
export function bytes(name: string, value: unknown, refusal: Status): Bytes {
    if (types.isUint8Array(value)) {
        checkLength(name, value, refusal);
        return value;
    }
    if (typeof value !== "string") {
        throw wrongType(name, value, "a string or a Uint8Array");
    }
    return text(name, value, refusal);
}

/** One to four keys, or null. */
export function key(value: unknown): Bytes | null {
    return value === undefined || value === null ? null : bytes("key", value, Status.INVALID_ARGUMENT);
}

/** A path of a file, as the functions of node:fs take it. */
export function path(name: string, value: unknown): Bytes {
    if (value instanceof URL) {
        return text(name, fileURLToPath(value), Status.INVALID_ARGUMENT);
    }
    if (typeof value !== "string" && !types.isUint8Array(value)) {
        throw wrongType(name, value, "a string, a Buffer or a URL");
    }
    return bytes(name, value, Status.INVALID_ARGUMENT);
}

/**
 * The arguments of a program. A new array: in another one, members can be missing, and a subclass or a prototype can have
 * what is read instead of them.
 */
export function args(value: unknown): readonly string[] {
    if (!Array.isArray(value)) {
        throw wrongType("args", value, "an array of strings");
    }
    const { length } = value;
    if (length > MOST_ARGUMENTS) {
        throw new TcAuthError(Status.INVALID_ARGUMENT, `there are more than ${MOST_ARGUMENTS} arguments`);
    }
    return Array.from({ length }, (_, index) => {
        const arg: unknown = Object.hasOwn(value, index) ? value[index] : undefined;
        return text(`args[${index}]`, arg, Status.INVALID_ARGUMENT);
    });
}

/**
 * The options of a call, each undefined or of its type. A copy, without what somebody has given to Object.prototype. An
 * unknown name is refused: it would do nothing, and nobody would notice.
 */
export function options<Options extends object>(
    name: string,
    value: unknown,
    types: Readonly<Record<keyof Options, "function" | "object" | "any">>,
): Options {
    if (typeof value !== "object" || value === null) {
        throw wrongType(name, value, "an object");
    }
    const found = Object.assign(Object.create(null) as object, value);
    for (const [option, content] of Object.entries(found)) {
        const type = Object.hasOwn(types, option) ? types[option as keyof Options] : null;
        if (type === null) {
            const known = Object.keys(types).join(", ");
            throw new TypeError(`${name} has no member ${JSON.stringify(option)}: there are ${known}`);
        }
        if (content !== undefined && type !== "any" && (typeof content !== type || content === null)) {
            throw wrongType(`${name}.${option}`, content, type === "object" ? "an object" : "a function");
        }
    }
    return found as Options;
}

/** A whole number. */
export function whole(name: string, value: unknown, refusal: Status): number {
    if (typeof value !== "number") {
        throw wrongType(name, value, "a number");
    }
    if (!Number.isSafeInteger(value)) {
        throw new TcAuthError(refusal, Number.isFinite(value) ? `${name} must be whole seconds` : null);
    }
    return value;
}

/** Unix seconds. C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one of those. */
export function moment(name: string, value: unknown): number {
    return whole(name, value, Status.INVALID_TIME) === -1 ? -2 : (value as number);
}

/** Unix seconds, or 0 for none. A Date is rounded down to a second. */
export function expiry(value: unknown): number {
    if (value === undefined || value === null) {
        return 0;
    }
    if (types.isDate(value)) {
        return moment("expires", Math.floor(value.getTime() / 1000));
    }
    if (typeof value !== "number") {
        throw wrongType("expires", value, "a number of seconds or a Date");
    }
    return moment("expires", value);
}

/** 0 for a number that does not fit into 32 bits: with its upper bits dropped, it could look like a status. */
export function httpStatus(value: unknown): number {
    if (typeof value !== "number") {
        throw wrongType("status", value, "a number");
    }
    return value === (value | 0) ? value : 0;
}

/** The body of a response, or its beginning. */
export function body(value: unknown, limit?: number): Bytes {
    if (typeof value === "string") {
        return limit === undefined ? value : value.slice(0, limit);
    }
    if (types.isArrayBuffer(value)) {
        return new Uint8Array(value, 0, Math.min(value.byteLength, limit ?? Infinity));
    }
    if (types.isUint8Array(value)) {
        return limit === undefined ? value : value.subarray(0, limit);
    }
    throw wrongType("body", value, "a string, a Uint8Array or an ArrayBuffer");
}
