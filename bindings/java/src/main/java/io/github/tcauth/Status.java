package io.github.tcauth;

/** The outcome of a call of the C library. Later versions can add some. */
public enum Status {
    /** It worked. */
    OK(0),
    /** A pointer that must not be null is null. */
    NULL_ARGUMENT(1),
    /** The method is not an HTTP token of 1 to 64 characters. */
    INVALID_METHOD(2),
    /**
     * The URI is neither a path that begins with / nor an absolute http or https URL, or has a part that the method does
     * not take.
     */
    INVALID_URI_FORM(3),
    /** The URI holds a control character, a space or a byte above 0x7e. */
    INVALID_URI_BYTE(4),
    /** The access id is empty or holds something else than visible ASCII characters. */
    INVALID_ACCESS_ID(5),
    /** The secret key is empty or holds a control character, such as a line break. */
    INVALID_SECRET_KEY(6),
    /** The token is empty or holds something else than visible ASCII characters. */
    INVALID_TOKEN(7),
    /** The time is negative, or 10^11 and more (milliseconds?). */
    INVALID_TIME(8),
    /** The buffer is too small; the length that is needed was stored. */
    BUFFER_TOO_SMALL(9),
    /** The handle is of the other kind (HMAC or token). */
    WRONG_KIND(10),
    /** The token has expired. */
    TOKEN_EXPIRED(11),
    /** The server refused to renew the token. */
    RENEWAL_REFUSED(12),
    /** The answer to the renewal request is not one that the platform gives. */
    RENEWAL_BAD_RESPONSE(13),
    /** Another thread's renewal took longer than this caller wanted to wait. */
    RENEWAL_TIMEOUT(14),
    /** The value can be set only once, and is set. */
    ALREADY_SET(15),
    /** The source holds no complete credentials. */
    NO_CREDENTIALS(16),
    /** The configuration is not well formed. */
    CONFIG_SYNTAX(17),
    /** The configuration file can't be read. */
    CONFIG_IO(18),
    /** The configuration file can't be decrypted. */
    CONFIG_DECRYPT(19),
    /** The handle has no API path. */
    API_PATH_MISSING(20),
    /** The access id, the signature or the token is not the one expected. */
    SIGNATURE_MISMATCH(21),
    /** The request's timestamp is too far from the given time. */
    TIMESTAMP_OUT_OF_RANGE(22),
    /** The Authorization or the Timestamp header is missing or not well formed. */
    MALFORMED_AUTHORIZATION(23),
    /** A number or a string is outside the range that the function documents. */
    INVALID_ARGUMENT(24),
    /** The URL points to another scheme, host or port than the handle's API path. */
    OTHER_ORIGIN(25),
    /** A bug in this library: an internal check failed, and the call was given up. */
    PANIC(99),
    /** A status of a later library, which this version does not know by name. */
    UNRECOGNIZED(-1);

    private final int value;

    Status(int value) {
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
     * What is wrong, and what to do about it.
     *
     * @return one sentence in English
     */
    public String message() {
        return message(value);
    }

    /**
     * The sentence for any number, also for one that this version does not know by name.
     *
     * @param value the number of a status
     * @return one sentence in English, which for an unknown number says so
     */
    public static String message(int value) {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_status_message(value));
    }

    static Status of(int value) {
        for (Status status : values()) {
            if (status.value == value) {
                return status;
            }
        }
        return UNRECOGNIZED;
    }
}
