package io.github.tcauth;

/** The kind of credentials of a {@link TcAuth}. A later version may have more. */
public enum TcAuthKind {
    /** Not used: a {@link TcAuth} never has this kind. */
    NONE(0),
    /** An access id and a secret key, which sign every request. */
    HMAC(1),
    /** An API token. */
    TOKEN(2),
    /** A kind of a later C library that is not listed here. */
    UNRECOGNIZED(-1);

    private final int value;

    TcAuthKind(int value) {
        this.value = value;
    }

    /**
     * The number of this kind in the C library; it never changes.
     *
     * @return the number, -1 for {@link #UNRECOGNIZED}
     */
    public int value() {
        return value;
    }

    static TcAuthKind of(int value) {
        for (TcAuthKind kind : values()) {
            if (kind.value == value) {
                return kind;
            }
        }
        return UNRECOGNIZED;
    }
}
