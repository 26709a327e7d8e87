// Authorization headers for the ThreatConnect API.

export { Auth, REVIEW_LIMIT, stringToSign, type Key, type TokenState } from "./auth.js";
export { TcAuthError, type ErrorCode } from "./error.js";
export type { Adopted, Event, Refused, Renewed, RenewalFailed, Retried } from "./events.js";
export { createFetch, type FetchOptions, type SignedFetch } from "./fetch.js";
export { AuthHeaders, Token } from "./headers.js";
export { version, versionNumber } from "./library.js";
export { Renewal } from "./renewal.js";
export { REVIEW_MS, Session, Signed, type SessionOptions } from "./session.js";
export {
    Advice,
    adviceMessage,
    adviceName,
    Kind,
    State,
    Status,
    statusMessage,
    statusName,
    Unsealed,
    type StatusName,
} from "./status.js";
export type { RenewalOptions } from "./transport.js";
export { Url } from "./url.js";
