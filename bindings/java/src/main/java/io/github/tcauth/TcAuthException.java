package io.github.tcauth;

import org.jspecify.annotations.Nullable;

/**
 * A failed call. {@link #status()} names the cause, and the message says what to do. It contains no secret key and no token.
 */
public final class TcAuthException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** The cause. */
    private final TcAuthStatus status;
    /** The name of the cause, also of one that a later C library has. */
    private final String name;
    /** More about this failure, or null. */
    private final @Nullable String detail;

    TcAuthException(int status, @Nullable String detail) {
        super(detail == null ? TcAuthStatus.message(status) : TcAuthStatus.message(status) + " (" + detail + ")");
        this.status = TcAuthStatus.of(status);
        this.name = TcAuthStatus.name(status);
        this.detail = detail;
    }

    TcAuthException(TcAuthStatus status) {
        this(status.value(), null);
    }

    /** Throws, unless the status is OK. */
    static void check(int status) {
        if (status != TcAuthStatus.OK.value()) {
            throw new TcAuthException(status, null);
        }
    }

    /**
     * The cause.
     *
     * @return the status, never {@link TcAuthStatus#OK}
     */
    public TcAuthStatus status() {
        return status;
    }

    /**
     * More about this failure: the server's message about a renewal, or what {@link TcAuth#discover} found. It is also a
     * part of {@link #getMessage()}.
     *
     * @return a text without secrets, or null
     */
    public @Nullable String detail() {
        return detail;
    }

    /** Includes the name of the status, which is easier to search for than the message. */
    @Override
    public String toString() {
        return getClass().getName() + ": " + name + ": " + getMessage();
    }
}
