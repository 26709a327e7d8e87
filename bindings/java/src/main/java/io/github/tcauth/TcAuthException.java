package io.github.tcauth;

/**
 * A call has failed; {@link #status()} tells why, and the message says what to do about it. It holds no secret key and
 * no token.
 */
public final class TcAuthException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** The cause. */
    private final Status status;
    /** What is known besides, or null. */
    private final String detail;

    TcAuthException(int status, String detail) {
        super(detail == null ? Status.message(status) : Status.message(status) + " (" + detail + ")");
        this.status = Status.of(status);
        this.detail = detail;
    }

    TcAuthException(Status status) {
        this(status.value(), null);
    }

    /** Throws, unless a number that the library returned is OK. */
    static void check(int status) {
        if (status != Status.OK.value()) {
            throw new TcAuthException(status, null);
        }
    }

    /**
     * The cause.
     *
     * @return the status, never {@link Status#OK}
     */
    public Status status() {
        return status;
    }

    /**
     * What is known besides the status: of a renewal the server's message, of {@link TcAuth#discover} what was looked
     * at. It is a part of {@link #getMessage()}.
     *
     * @return a text without secrets, or null
     */
    public String detail() {
        return detail;
    }

    /** With the name of the status, which is easier to search for than the message. */
    @Override
    public String toString() {
        return getClass().getName() + ": " + status + ": " + getMessage();
    }
}
