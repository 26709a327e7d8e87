// The error of this package.

import { inspect } from "node:util";
import { native } from "./library.js";
import { Status, type StatusName } from "./status.js";

/** The name of the reason. CLOSED: the Auth, Renewal or URL was closed or used up before. */
export type ErrorCode = Exclude<StatusName, "OK"> | "CLOSED" | (string & {});

const CLOSED = "the Auth, Renewal or Url was closed or used up before";

/** A call failed. It contains no secret. The message says what is wrong and what to do about it. */
export class TcAuthError extends Error {
    /** The name of the reason, such as "TOKEN_EXPIRED". */
    readonly code: ErrorCode;

    /** Its number: a Status. */
    readonly status: number;

    /** Details, or null: the server's message about a renewal, or what Auth.discover() found. */
    readonly explanation: string | null;

    constructor(status: number, explanation: string | null = null) {
        const isClosed = status === Status.NULL_ARGUMENT;
        const message = isClosed ? CLOSED : native.statusMessage(status);
        super(explanation ? `${message} (${explanation})` : message);
        this.code = isClosed ? "CLOSED" : nameOf(status);
        this.status = status;
        this.explanation = explanation;
    }

    /** For a log in JSON. */
    toJSON(): { name: string; code: string; status: number; message: string } {
        return { name: this.name, code: this.code, status: this.status, message: this.message };
    }
}
Object.defineProperty(TcAuthError.prototype, "name", { value: "TcAuthError", configurable: true, writable: true });

/** A number that neither this package nor the library knows has itself as its name. */
function nameOf(status: number): string {
    const name = native.statusName(status);
    return name === "UNKNOWN" ? String(status) : name;
}

/** Throws the error for a status that is not OK. */
export function check(status: number, explanation: string | null = null): void {
    if (status !== Status.OK) {
        throw new TcAuthError(status, explanation);
    }
}

/** What a call returned; throws the error for a status. */
export function made<Value>(result: Value | number): Value {
    if (typeof result === "number") {
        throw new TcAuthError(result);
    }
    return result;
}

/** Makes an object show `text` in logs, also in those that show the members of objects. */
export function redacted<Object extends object>(object: Object, text: (this: Object) => string): void {
    for (const name of [inspect.custom, "toJSON"]) {
        Object.defineProperty(object, name, {
            value(this: Object) {
                return text.call(this);
            },
            configurable: true,
            writable: true,
        });
    }
}
