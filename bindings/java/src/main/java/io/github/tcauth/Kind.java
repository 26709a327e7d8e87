package io.github.tcauth;

/** What a {@link TcAuth} proves its identity with. Later versions can add some. */
public enum Kind {
    /** No identity: never the kind of an open {@link TcAuth}. */
    NONE(0),
    /** An access id and a secret key, which sign every request. */
    HMAC(1),
    /** An API token. */
    TOKEN(2),
    /** A kind of a later library, which this version does not know by name. */
    UNRECOGNIZED(-1);

    private final int value;

    Kind(int value) {
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

    static Kind of(int value) {
        for (Kind kind : values()) {
            if (kind.value == value) {
                return kind;
            }
        }
        return UNRECOGNIZED;
    }
}
