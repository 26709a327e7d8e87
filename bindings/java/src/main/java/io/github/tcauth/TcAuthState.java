package io.github.tcauth;

/**
 * What can be done with a token. If several states apply, it is the first of NOT_RENEWABLE, REFUSED, UNDER_WAY, PAUSED, DUE and
 * VALID.
 */
public enum TcAuthState {
    /** There is no token, but an access id and a secret key. */
    NONE(0),
    /** It is not due. */
    VALID(1),
    /** It is due: the next poll gives a ticket. */
    DUE(2),
    /** A ticket is out. */
    UNDER_WAY(3),
    /** It is due, but the next attempt comes only after a pause. */
    PAUSED(4),
    /** The server refused to renew it. */
    REFUSED(5),
    /** It begins with {@code APIV2:}, or no API path is set. */
    NOT_RENEWABLE(6),
    /** A state of a later C library that is not listed here. */
    UNRECOGNIZED(-1);

    private final int value;

    TcAuthState(int value) {
        this.value = value;
    }

    /**
     * The number of this state in the C library; it never changes.
     *
     * @return the number, -1 for {@link #UNRECOGNIZED}
     */
    public int value() {
        return value;
    }

    static TcAuthState of(int value) {
        for (TcAuthState state : values()) {
            if (state.value == value) {
                return state;
            }
        }
        return UNRECOGNIZED;
    }
}
