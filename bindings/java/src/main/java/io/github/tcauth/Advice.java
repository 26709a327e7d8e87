package io.github.tcauth;

/** What to do about an answer of the server. Later versions can add some; until then these count as {@link #UNKNOWN}. */
public enum Advice {
    /** The server had no objection to the authorization. */
    ACCEPTED(0),
    /** Poll, sign and send again, once. */
    RETRY(1),
    /** What was signed differs from what arrived, or the secret key is wrong. */
    BAD_SIGNATURE(2),
    /** The clocks are too far apart, and the answer gave no way to correct that. */
    CLOCK_SKEW(3),
    /** The server does not take the token, and it can't be renewed now. */
    TOKEN_REJECTED(4),
    /** The access id is unknown, or has no right to what was asked for. */
    ACCESS_DENIED(5),
    /** The instance has no license for its API. */
    NOT_LICENSED(6),
    /** The server refused the request and gave no known reason. */
    UNKNOWN(7);

    private final int value;

    Advice(int value) {
        this.value = value;
    }

    /**
     * The number of this advice in the C library; it never changes.
     *
     * @return the number
     */
    public int value() {
        return value;
    }

    static Advice of(int value) {
        for (Advice advice : values()) {
            if (advice.value == value) {
                return advice;
            }
        }
        return UNKNOWN;
    }
}
