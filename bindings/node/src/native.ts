// What the add-on has: see native/tc_auth_node.c. A function returns its value, or the number of a status.

declare const kind: unique symbol;

/** A tc_auth: an object of the add-on. */
export type Handle = { readonly [kind]: "handle" };

/** A tc_auth_renewal. */
export type Ticket = { readonly [kind]: "ticket" };

/** A tc_auth_url. */
export type Builder = { readonly [kind]: "builder" };

/** A string, or bytes. */
export type Bytes = string | Uint8Array;

/** A status, and what the library says about it. */
export type Outcome = [status: number, text: string | null];

export interface Native {
    /** Numbers that a call leaves here: see SECONDS and the others. */
    readonly numbers: Float64Array;

    newHmac(accessId: string, secretKey: string): Handle | number;
    newToken(token: string, expires: number): Handle | number;
    fromJson(text: Bytes): Handle | number;
    fromArgs(args: readonly string[]): Handle | number;
    fromEnv(): Handle | number;
    fromParameterFile(path: Bytes, key: Bytes): Handle | number;
    discover(args: readonly string[]): [made: Handle | number, why: string | null];
    close(handle: Handle): void;
    share(handle: Handle, name: string): string | number;
    fromShared(id: string): Handle | number;

    kind(handle: Handle): number;
    describe(handle: Handle): string | number;
    apiPath(handle: Handle): string | null;
    setApiPath(handle: Handle, apiPath: string): number;
    clockOffset(handle: Handle): number;
    setClockOffset(handle: Handle, seconds: number): number;
    renewalWindow(handle: Handle): number;
    setRenewalWindow(handle: Handle, seconds: number): number;

    headers(handle: Handle, method: string, url: string, at: number): string | number;
    sign(handle: Handle, method: string, url: string): string | number;
    headerBlock(handle: Handle, method: string, url: string): string | number;
    stringToSign(method: string, url: string, at: number): string | number;
    verify(
        handle: Handle,
        method: string,
        url: string,
        authorization: string | null,
        timestamp: string | null,
        at: number,
        tolerance: number,
    ): number;

    updateToken(handle: Handle, token: string, expires: number): Promise<Outcome> | Outcome | number;
    token(handle: Handle): string | number;
    state(handle: Handle): number;
    poll(handle: Handle): Ticket | null | number;
    renewalUrl(ticket: Ticket): string | null;
    renewalNeeded(ticket: Ticket): boolean;
    complete(ticket: Ticket, status: number, body: Bytes): Promise<Outcome> | Outcome | number;
    cancel(ticket: Ticket): void;
    review(
        handle: Handle,
        authorization: string,
        timestamp: number,
        status: number,
        date: string | null,
        body: Bytes,
    ): number;

    family(handle: Handle): string | number;
    seal(handle: Handle, key: Bytes | null): string | number;
    unseal(handle: Handle, line: Bytes, key: Bytes | null): number;
    shareIn(handle: Handle, directory: Bytes, key: Bytes | null): number;

    newUrl(base: string): Builder | number;
    newUrlFor(handle: Handle, path: string): Builder | number;
    addSegment(builder: Builder, segment: string): number;
    addQuery(builder: Builder, name: string, value: string): number;
    urlString(builder: Builder): string;

    statusName(status: number): string;
    statusMessage(status: number): string;
    adviceName(advice: number): string;
    adviceMessage(advice: number): string;
    version(): string;
    versionNumber(): number;
}

/** The places of `numbers`. */
export const SECONDS = 0;
export const NUMBER = 1;
export const ADOPTED = 2;

/** As a time: now. */
export const NOW = -1;

/** No status: an argument has another type. */
export const WRONG_TYPE = -1;
