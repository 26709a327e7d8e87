// URLs that HTTP clients send unchanged.

import { text } from "./border.js";
import { check, made, redacted } from "./error.js";
import { native } from "./library.js";
import type { Builder } from "./native.js";
import { Status } from "./status.js";

/**
 * What Auth.url() has started.
 *
 * @internal
 */
export let urlOf: (builder: Builder) => Url;

/**
 * Builds a URL whose added parts are encoded so that HTTP clients send them unchanged. Sign and send `String(url)`.
 *
 * The base is a path such as "/api/v3/indicators" or an absolute http or https URL, percent-encoded already.
 * `Auth.url()` starts with the API path.
 */
export class Url {
    #builder: Builder;

    constructor(base: string) {
        this.#builder = made(native.newUrl(text("base", base, Status.INVALID_URI_BYTE)));
    }

    static {
        urlOf = (builder) => {
            const url = new Url("/");
            url.#builder = builder;
            return url;
        };
    }

    /**
     * Percent-encodes a segment and adds it to the path.
     *
     * Fails with INVALID_ARGUMENT for an empty one, "." and "..", and with INVALID_URI_FORM if there is a query.
     */
    addSegment(segment: string): this {
        check(native.addSegment(this.#builder, text("segment", segment, Status.INVALID_ARGUMENT)));
        return this;
    }

    /** Adds a parameter to the query; name and value are percent-encoded, a space as %20. */
    addQuery(name: string, value: string): this {
        const left = text("name", name, Status.INVALID_ARGUMENT);
        check(native.addQuery(this.#builder, left, text("value", value, Status.INVALID_ARGUMENT)));
        return this;
    }

    toString(): string {
        return native.urlString(this.#builder);
    }
}
redacted(Url.prototype, function () {
    return this.toString();
});
