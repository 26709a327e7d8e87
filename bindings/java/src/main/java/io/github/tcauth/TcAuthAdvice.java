package io.github.tcauth;

/** What to do about a response. A value of a later C library that is not listed here becomes {@link #UNKNOWN}. */
public enum TcAuthAdvice {
    /** The server had no objection to the authorization. */
    ACCEPTED(0),
    /** Poll, sign and send the request once more. */
    RETRY(1),
    /** The server received something else than was signed, or the secret key is wrong. */
    BAD_SIGNATURE(2),
    /** The clocks differ too much, and the response could not be used to correct this one. */
    CLOCK_SKEW(3),
    /** The server rejects the token, and it can't be renewed now. */
    TOKEN_REJECTED(4),
    /** The access id is unknown, or has no permission for this request. */
    ACCESS_DENIED(5),
    /** The instance has no license for its API. */
    NOT_LICENSED(6),
    /** The server refused the request for no known reason. */
    UNKNOWN(7);

    private final int value;

    TcAuthAdvice(int value) {
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

    /**
     * What it means, and what to do.
     *
     * @return one sentence in English
     */
    public String message() {
        return message(value);
    }

    /**
     * The sentence for any number, including those that are not listed here.
     *
     * @param value the number of an advice
     * @return one sentence in English; if the number is unknown, it says so
     */
    public static String message(int value) {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_advice_message(value));
    }

    /**
     * The name for any number, including those that are not listed here.
     *
     * @param value the number of an advice
     * @return such as {@code RETRY}; {@code UNKNOWN} if the C library does not know the number
     */
    public static String name(int value) {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_advice_name(value));
    }

    static TcAuthAdvice of(int value) {
        for (TcAuthAdvice advice : values()) {
            if (advice.value == value) {
                return advice;
            }
        }
        return UNKNOWN;
    }
}
