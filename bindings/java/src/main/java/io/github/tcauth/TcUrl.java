package io.github.tcauth;

import java.net.URI;

/**
 * Builds a URL whose added parts are encoded so that HTTP clients send them unchanged. Sign and send the same string. Any
 * thread may use it; calls by several threads run one after the other.
 */
public final class TcUrl implements AutoCloseable {
    private final Handle handle;

    private TcUrl(long address) {
        handle = new Handle(TcUrl.class, address, Bridge.LIBRARY::tc_auth_url_free);
    }

    /**
     * Starts with a base, which must already be percent-encoded.
     *
     * @param base a path such as {@code /api/v3/indicators}, or an absolute http or https URL
     * @return a URL to add to
     * @throws TcAuthException {@link TcAuthStatus#INVALID_URI_FORM} (also for a fragment),
     *         {@link TcAuthStatus#INVALID_URI_BYTE}
     */
    public static TcUrl of(String base) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            long encoded = arguments.string("base", base, TcAuthStatus.INVALID_URI_BYTE);
            TcAuthException.check(Bridge.LIBRARY.tc_auth_url_new(encoded, out));
            return new TcUrl(Arguments.longAt(out));
        }
    }

    /** See {@link TcAuth#url}. */
    static TcUrl of(Handle auth, String path) {
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("path", path, TcAuthStatus.INVALID_URI_BYTE);
            long out = arguments.output();
            auth.check(address -> Bridge.LIBRARY.tc_auth_url_new_for(address, encoded, out));
            return new TcUrl(Arguments.longAt(out));
        }
    }

    /**
     * Percent-encodes a segment and adds it to the path, with exactly one {@code /} before it. Also
     * {@code http://evil.example/a?b} becomes one segment.
     *
     * @param segment not empty, and neither {@code .} nor {@code ..}
     * @return this
     * @throws TcAuthException {@link TcAuthStatus#INVALID_ARGUMENT} for such a segment; {@link TcAuthStatus#INVALID_URI_FORM}
     *         if there is already a query. The URL is not changed then.
     */
    public synchronized TcUrl addSegment(String segment) {
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("segment", segment, TcAuthStatus.INVALID_ARGUMENT);
            handle.check(url -> Bridge.LIBRARY.tc_auth_url_add_segment(url, encoded));
        }
        return this;
    }

    /**
     * Adds a parameter to the query. Name and value are percent-encoded; a space becomes {@code %20}.
     *
     * @param name not empty
     * @param value may be empty
     * @return this
     * @throws TcAuthException {@link TcAuthStatus#INVALID_ARGUMENT} if the name is empty. The URL is not changed then.
     */
    public synchronized TcUrl addQuery(String name, String value) {
        try (Arguments arguments = new Arguments()) {
            long encodedName = arguments.string("name", name, TcAuthStatus.INVALID_ARGUMENT);
            long encodedValue = arguments.string("value", value, TcAuthStatus.INVALID_ARGUMENT);
            handle.check(url -> Bridge.LIBRARY.tc_auth_url_add_query(url, encodedName, encodedValue));
        }
        return this;
    }

    /**
     * The URL built so far.
     *
     * @return a path or an absolute URL, like the base
     * @throws IllegalStateException if it is closed
     */
    public synchronized String string() {
        long address = handle.enter();
        try {
            return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_url_string(address));
        } finally {
            handle.exit();
        }
    }

    /**
     * The URL built so far, for the clients that take a {@link URI}.
     *
     * @return of the same characters as {@link #string()}
     * @throws IllegalArgumentException if the base contains a character that {@link URI} refuses, such as {@code |} or
     *         {@code "}; what was added does not
     * @throws IllegalStateException if it is closed
     */
    public URI toURI() {
        return URI.create(string());
    }

    /** The same as {@link #string()}, or that this is closed. It never throws. */
    @Override
    public String toString() {
        try {
            return string();
        } catch (IllegalStateException e) {
            return "TcUrl[closed]";
        } catch (RuntimeException e) {
            return "TcUrl[" + e.getMessage() + "]";
        }
    }

    /** Frees the URL. Does nothing the second time. */
    @Override
    public synchronized void close() {
        handle.close();
    }
}
