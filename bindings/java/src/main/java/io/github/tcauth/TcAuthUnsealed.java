package io.github.tcauth;

/** What a sealed token was, compared with the current one. */
public enum TcAuthUnsealed {
    /** The same token, with the same expiry. */
    SAME(0),
    /** Newer: it is the current token now. Or the same token with a later expiry. */
    ADOPTED(1),
    /** Older: it was ignored. Seal the current one and store it. */
    OLDER(2),
    /** An outcome of a later C library that is not listed here. */
    UNRECOGNIZED(-1);

    private final int value;

    TcAuthUnsealed(int value) {
        this.value = value;
    }

    /**
     * The number of this outcome in the C library; it never changes.
     *
     * @return the number, -1 for {@link #UNRECOGNIZED}
     */
    public int value() {
        return value;
    }

    static TcAuthUnsealed of(int value) {
        for (TcAuthUnsealed unsealed : values()) {
            if (unsealed.value == value) {
                return unsealed;
            }
        }
        return UNRECOGNIZED;
    }
}
