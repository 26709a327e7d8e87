package io.github.tcauth;

/** The result of a call of the C library. A later version may have more. */
public enum TcAuthStatus {
    /** It worked. */
    OK(0),
    /** A pointer that must not be null is null. */
    NULL_ARGUMENT(1),
    /** The method is not an HTTP token of 1 to 64 characters. */
    INVALID_METHOD(2),
    /**
     * The URI is neither a path that begins with / nor an absolute http or https URL, or it has a part that is not allowed
     * here.
     */
    INVALID_URI_FORM(3),
    /** The URI contains a control character, a space or a byte above 0x7e. */
    INVALID_URI_BYTE(4),
    /** The access id is empty, or not all of it is visible ASCII. */
    INVALID_ACCESS_ID(5),
    /** The secret key is empty, contains a control character such as a line break, or begins with a byte order mark. */
    INVALID_SECRET_KEY(6),
    /** The token is empty, or not all of it is visible ASCII. */
    INVALID_TOKEN(7),
    /** The time is negative, or 10^11 or more (perhaps milliseconds). */
    INVALID_TIME(8),
    /** A buffer is too small. The binding then uses a larger one, so you do not get this status. */
    BUFFER_TOO_SMALL(9),
    /** The identity is of the other kind (HMAC or token). */
    WRONG_KIND(10),
    /** The token has expired. */
    TOKEN_EXPIRED(11),
    /** The server refused to renew the token. */
    RENEWAL_REFUSED(12),
    /** The response to the renewal is not one of the platform. */
    RENEWAL_BAD_RESPONSE(13),
    /** Another thread's renewal took longer than this caller wanted to wait. */
    RENEWAL_TIMEOUT(14),
    /** The value can be set only once and is already set. */
    ALREADY_SET(15),
    /** The source contains no complete credentials. */
    NO_CREDENTIALS(16),
    /** The configuration is not well formed. */
    CONFIG_SYNTAX(17),
    /** The configuration file can't be read. */
    CONFIG_IO(18),
    /** The configuration file can't be decrypted. */
    CONFIG_DECRYPT(19),
    /** The identity has no API path. */
    API_PATH_MISSING(20),
    /** The access id, the signature or the token is not the one expected. */
    SIGNATURE_MISMATCH(21),
    /** The request's timestamp is too far from the given time. */
    TIMESTAMP_OUT_OF_RANGE(22),
    /** The Authorization or the Timestamp header is missing or not well formed. */
    MALFORMED_AUTHORIZATION(23),
    /** A number or a string is outside the documented range. */
    INVALID_ARGUMENT(24),
    /** The URL has another scheme, host or port than the API path. */
    OTHER_ORIGIN(25),
    /** The sealed token can't be opened, or this token can't be sealed. */
    SEAL_INVALID(26),
    /** The sealed token has a version that this library does not know. */
    SEAL_VERSION(27),
    /** The shared directory can't be used, or the token could not be saved in it. */
    STORE_IO(28),
    /** A bug in the C library: an internal check failed, and the call was stopped. */
    PANIC(99),
    /** A status of a later C library that is not listed here. */
    UNRECOGNIZED(-1);

    private final int value;

    TcAuthStatus(int value) {
        this.value = value;
    }

    /**
     * The number of this status in the C library; it never changes.
     *
     * @return the number, -1 for {@link #UNRECOGNIZED}
     */
    public int value() {
        return value;
    }

    /**
     * What is wrong, and what to do.
     *
     * @return one sentence in English
     */
    public String message() {
        return message(value);
    }

    /**
     * The sentence for any number, including those that are not listed here.
     *
     * @param value the number of a status
     * @return one sentence in English; if the number is unknown, it says so
     */
    public static String message(int value) {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_status_message(value));
    }

    /**
     * The name for any number, including those that are not listed here.
     *
     * @param value the number of a status
     * @return such as {@code TOKEN_EXPIRED}; {@code UNKNOWN} if the C library does not know the number
     */
    public static String name(int value) {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_status_name(value));
    }

    static TcAuthStatus of(int value) {
        for (TcAuthStatus status : values()) {
            if (status.value == value) {
                return status;
            }
        }
        return UNRECOGNIZED;
    }
}
