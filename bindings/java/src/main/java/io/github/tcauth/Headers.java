package io.github.tcauth;

import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.BiConsumer;

/** The headers to add to one request. Immutable; independent of the {@link TcAuth} that made it. */
public final class Headers {
    private static final long NO_TIMESTAMP = -1;

    private final String authorization;
    private final long timestamp;

    Headers(String authorization, long timestamp) {
        this.authorization = authorization;
        this.timestamp = timestamp;
    }

    /**
     * Headers that were sent by other means, for {@link TcAuth#review}.
     *
     * @param authorization the value of {@code Authorization}
     * @param timestamp the value of {@code Timestamp} in Unix seconds, or empty if there was none
     * @return the headers
     */
    public static Headers of(String authorization, OptionalLong timestamp) {
        return new Headers(Objects.requireNonNull(authorization, "authorization"), timestamp.orElse(NO_TIMESTAMP));
    }

    /**
     * The value of the header {@code Authorization}. It is, or gives away, a secret: do not log it.
     *
     * @return such as {@code TC 1234:...} or {@code TC-Token ...}
     */
    public String authorization() {
        return authorization;
    }

    /**
     * The value of the header {@code Timestamp}, which is the second that was signed.
     *
     * @return Unix seconds; empty with a token, when this header is not sent
     */
    public OptionalLong timestamp() {
        return timestamp == NO_TIMESTAMP ? OptionalLong.empty() : OptionalLong.of(timestamp);
    }

    /**
     * Hands over the name and the value of each header, as in {@code headers.forEach(request::setHeader)}.
     *
     * @param action called once for {@code Authorization}, and for a signed request once for {@code Timestamp}
     */
    public void forEach(BiConsumer<String, String> action) {
        action.accept("Authorization", authorization);
        if (timestamp != NO_TIMESTAMP) {
            action.accept("Timestamp", Long.toString(timestamp));
        }
    }

    long timestampNumber() {
        return timestamp;
    }

    /** Says which headers there are, without the value of {@code Authorization}. */
    @Override
    public String toString() {
        return timestamp == NO_TIMESTAMP ? "Headers[Authorization]" : "Headers[Authorization, Timestamp: " + timestamp + "]";
    }
}
