package io.github.tcauth;

/**
 * A URL that is being built: sign and send the same string. In the parts that are added everything is encoded that HTTP
 * clients are known to change on the way. It may be used by any thread, and does one thing at a time.
 */
public final class TcUrl implements AutoCloseable {
    private final Handle handle;

    private TcUrl(long address) {
        handle = new Handle(TcUrl.class, address, Bridge.LIBRARY::tc_auth_url_free);
    }

    /**
     * Starts with a base, which is taken as it is, so it must be percent-encoded already.
     *
     * @param base a path such as {@code /api/v3/indicators}, or an absolute http or https URL
     * @return a URL to add to
     * @throws TcAuthException {@link Status#INVALID_URI_FORM} (also for a fragment), {@link Status#INVALID_URI_BYTE}
     */
    public static TcUrl of(String base) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            TcAuthException.check(Bridge.LIBRARY.tc_auth_url_new(arguments.string("base", base, Status.INVALID_URI_BYTE), out));
            return new TcUrl(Arguments.longAt(out));
        }
    }

    /** See {@link TcAuth#url}. */
    static TcUrl of(Handle auth, String path) {
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("path", path, Status.INVALID_URI_BYTE);
            long out = arguments.output();
            auth.check(address -> Bridge.LIBRARY.tc_auth_url_new_for(address, encoded, out));
            return new TcUrl(Arguments.longAt(out));
        }
    }

    /**
     * Adds one segment to the path, with exactly one {@code /} before it. It is percent-encoded:
     * {@code http://evil.example/a?b} becomes one segment.
     *
     * @param segment not empty, {@code .} or {@code ..}
     * @return this
     * @throws TcAuthException {@link Status#INVALID_ARGUMENT} for such a segment; {@link Status#INVALID_URI_FORM} if there
     *         is a query already. The URL is then as it was.
     */
    public synchronized TcUrl addSegment(String segment) {
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("segment", segment, Status.INVALID_ARGUMENT);
            handle.check(url -> Bridge.LIBRARY.tc_auth_url_add_segment(url, encoded));
        }
        return this;
    }

    /**
     * Adds one parameter to the query. Name and value are percent-encoded, a space as {@code %20}.
     *
     * @param name not empty
     * @param value may be empty
     * @return this
     * @throws TcAuthException {@link Status#INVALID_ARGUMENT} if the name is empty. The URL is then as it was.
     */
    public synchronized TcUrl addQuery(String name, String value) {
        try (Arguments arguments = new Arguments()) {
            long encodedName = arguments.string("name", name, Status.INVALID_ARGUMENT);
            long encodedValue = arguments.string("value", value, Status.INVALID_ARGUMENT);
            handle.check(url -> Bridge.LIBRARY.tc_auth_url_add_query(url, encodedName, encodedValue));
        }
        return this;
    }

    /**
     * The URL as it is now, for signing and for sending.
     *
     * @return a path or an absolute URL, as the base was
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

    /** The same as {@link #string()}, but that a closed one says so. It never throws. */
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
