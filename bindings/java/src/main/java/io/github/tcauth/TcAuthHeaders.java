package io.github.tcauth;

import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** The headers to add to one request. They are immutable, and remain valid after their {@link TcAuth} is closed. */
public final class TcAuthHeaders {
    private static final long NO_TIMESTAMP = -1;

    /** Transient: what writes all fields of an object must not write it. */
    private final transient String authorization;
    private final long timestamp;
    private final @Nullable String method;
    /** Transient, because a query can contain anything. */
    private final transient @Nullable String url;

    /** The method and the URL are what was signed; null if that is not known. */
    TcAuthHeaders(String authorization, long timestamp, @Nullable String method, @Nullable String url) {
        this.authorization = authorization;
        this.timestamp = timestamp;
        this.method = method;
        this.url = url;
    }

    /**
     * Makes headers from values that were sent, for {@link TcAuth#review}, or for a fake {@link RequestSigner}.
     *
     * @param authorization the value of {@code Authorization}
     * @param timestamp the value of {@code Timestamp} in Unix seconds, or empty if there was none
     * @return the headers
     */
    public static TcAuthHeaders of(String authorization, OptionalLong timestamp) {
        return new TcAuthHeaders(Objects.requireNonNull(authorization, "authorization"), timestamp.orElse(NO_TIMESTAMP), null, null);
    }

    /**
     * The value of the header {@code Authorization}. It is a credential: do not log it.
     *
     * @return such as {@code TC 1234:...} or {@code TC-Token ...}
     */
    public String authorization() {
        return authorization;
    }

    /**
     * The value of the header {@code Timestamp}: the second that was signed.
     *
     * @return Unix seconds; empty with a token, because then this header is not sent
     */
    public OptionalLong timestamp() {
        return timestamp == NO_TIMESTAMP ? OptionalLong.empty() : OptionalLong.of(timestamp);
    }

    /**
     * Calls an action with the name and the value of each header, as in {@code headers.forEach(request::setHeader)}.
     *
     * @param action called for {@code Authorization} and, if there is a timestamp, for {@code Timestamp}
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

    @Nullable String method() {
        return method;
    }

    @Nullable String url() {
        return url;
    }

    /** Names the headers, without the value of {@code Authorization}. */
    @Override
    public String toString() {
        return "TcAuthHeaders[Authorization" + (timestamp == NO_TIMESTAMP ? "" : ", Timestamp: " + timestamp) + "]";
    }
}
