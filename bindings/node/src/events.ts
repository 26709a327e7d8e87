// What an adapter did or noticed, for a log. No event contains a secret key or a token. Later versions may have more
// types of events, and more members.

import type { AdviceName } from "./status.js";

/** This process has renewed the token. */
export interface Renewed {
    readonly type: "renewed";

    /** False if the new token is used, but could not be saved for the other processes (STORE_IO). */
    readonly saved: boolean;
}

/** A renewal has failed. The old token stays in use. */
export interface RenewalFailed {
    readonly type: "renewalFailed";

    /** Why, such as "RENEWAL_REFUSED"; null if there was no answer, or only a part of one. */
    readonly code: string | null;

    /** The server's message; usually empty. */
    readonly message: string;

    /** The HTTP status of the answer; 0 if there was none. */
    readonly httpStatus: number;

    /** What prevented a complete answer, such as "ECONNRESET" or "TimeoutError"; otherwise empty. */
    readonly failure: string;
}

/** A request is the first one with a token that came from another process. */
export interface Adopted {
    readonly type: "adopted";
    readonly method: string;

    /** The path of the URL, without the query. */
    readonly path: string;
}

/** A request is sent once more, because its first response was a refusal that another attempt can help. */
export interface Retried {
    readonly type: "retried";
    readonly method: string;
    readonly path: string;
    readonly httpStatus: number;
    readonly advice: AdviceName;
}

/** The caller gets a refusal. */
export interface Refused {
    readonly type: "refused";
    readonly method: string;
    readonly path: string;
    readonly httpStatus: number;

    /** The reason. "RETRY" if another attempt could help, but was not possible or was already made. */
    readonly advice: AdviceName;
}

/** What `onEvent` gets: a frozen object without a secret. More kinds may follow. */
export type Event = Renewed | RenewalFailed | Adopted | Retried | Refused;
