package io.github.tcauth;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Something that a {@link TcAuthSession} or {@link TcAuthClient} did or noticed, for a log. It contains no secret key and no
 * token. Later versions may have more types and more properties.
 */
public final class TcAuthEvent {
    /** What happened. */
    public enum Type {
        /**
         * This process has renewed the token. With {@link TcAuthStatus#STORE_IO} the new token is used, but was not saved for
         * the other processes.
         */
        RENEWED,
        /** A renewal has failed. */
        RENEWAL_FAILED,
        /**
         * A request is the first one with a token that came from another process. This is not reported for the first request of
         * a {@link TcAuth}, or if this process changed the token at the same time.
         */
        ADOPTED,
        /** A request is sent once more, because its first response was a refusal that another attempt can help. */
        RETRIED,
        /** A refusal is returned to the caller. */
        REFUSED
    }

    private final Type type;
    private final @Nullable TcAuthStatus status;
    private final @Nullable String message;
    private final @Nullable String failure;
    private final @Nullable TcAuthAdvice advice;
    private final int httpStatus;
    private final @Nullable String method;
    private final @Nullable String path;

    private TcAuthEvent(Type type, @Nullable TcAuthStatus status, @Nullable String message, @Nullable String failure,
            @Nullable TcAuthAdvice advice, int httpStatus, @Nullable TcAuthHeaders request) {
        this.type = type;
        this.status = status;
        this.message = message;
        this.failure = failure;
        this.advice = advice;
        this.httpStatus = httpStatus;
        this.method = request == null ? null : request.method();
        this.path = request == null ? null : path(request.url());
    }

    static TcAuthEvent ofRenewal(TcAuthStatus status, @Nullable String message, int httpStatus) {
        boolean isRenewed = status == TcAuthStatus.OK || status == TcAuthStatus.STORE_IO;
        return new TcAuthEvent(isRenewed ? Type.RENEWED : Type.RENEWAL_FAILED, status, message, null, null, httpStatus, null);
    }

    static TcAuthEvent ofRenewalWithoutResponse(Throwable failure) {
        return new TcAuthEvent(Type.RENEWAL_FAILED, null, null, failure.getClass().getSimpleName(), null, 0, null);
    }

    static TcAuthEvent ofAdoption(TcAuthHeaders request) {
        return new TcAuthEvent(Type.ADOPTED, null, null, null, null, 0, request);
    }

    static TcAuthEvent ofRefusal(Type type, TcAuthAdvice advice, int httpStatus, TcAuthHeaders request) {
        return new TcAuthEvent(type, null, null, null, advice, httpStatus, request);
    }

    /**
     * What happened.
     *
     * @return the type
     */
    public Type type() {
        return type;
    }

    /**
     * The result of a renewal.
     *
     * @return such as {@link TcAuthStatus#OK}; null if there was no complete response, or if the event is about a request
     */
    public @Nullable TcAuthStatus status() {
        return status;
    }

    /**
     * The server's message about a renewal.
     *
     * @return the message, with {@code ***} for the token; null if there is none
     */
    public @Nullable String message() {
        return message;
    }

    /**
     * Why there was no complete response to a renewal.
     *
     * @return the name of the exception's class, such as {@code HttpTimeoutException}; otherwise null
     */
    public @Nullable String failure() {
        return failure;
    }

    /**
     * What was wrong with a request.
     *
     * @return the reason of a refusal; {@link TcAuthAdvice#RETRY} if another attempt helps, or could help but was not possible
     *         or already made; null in other events
     */
    public @Nullable TcAuthAdvice advice() {
        return advice;
    }

    /**
     * The status of the response that the event is about.
     *
     * @return such as 401; 0 if there was no complete response
     */
    public int httpStatus() {
        return httpStatus;
    }

    /**
     * The method of the request that the event is about.
     *
     * @return such as {@code GET}; null if the event is about a renewal
     */
    public @Nullable String method() {
        return method;
    }

    /**
     * The path of the request that the event is about, without the query.
     *
     * @return such as {@code /api/v3/indicators}; null if the event is about a renewal
     */
    public @Nullable String path() {
        return path;
    }

    /** The path of a URL or of a request target. */
    private static @Nullable String path(@Nullable String url) {
        if (url == null) {
            return null;
        }
        String noQuery = url.split("[?#]", 2)[0];
        int host = noQuery.indexOf("://");
        int start = host < 0 ? 0 : noQuery.indexOf('/', host + 3);
        return start < 0 ? "/" : noQuery.substring(start);
    }

    /**
     * Makes what writes each event to a log, for {@code onEvent}: failed renewals, tokens that were not saved and refusals as
     * warnings, the rest as information.
     *
     * @param logger the log, from {@link System#getLogger}
     * @return for {@code onEvent} of {@link TcAuthSession.Builder} or {@link TcAuthClient.Builder}
     */
    public static Consumer<TcAuthEvent> logging(Logger logger) {
        Objects.requireNonNull(logger, "logger");
        return event -> logger.log(event.isWarning() ? Level.WARNING : Level.INFO, event);
    }

    private boolean isWarning() {
        return type == Type.RENEWAL_FAILED || type == Type.REFUSED || status == TcAuthStatus.STORE_IO;
    }

    /** One line for a log. Of the request it contains the method and the path. */
    @Override
    public String toString() {
        StringBuilder line = new StringBuilder("TcAuthEvent[" + type);
        append(line, "status", status);
        append(line, "message", message);
        append(line, "failure", failure);
        append(line, "advice", advice);
        append(line, "httpStatus", httpStatus == 0 ? null : httpStatus);
        append(line, "request", path == null ? null : method + " " + path);
        return line.append(']').toString();
    }

    private static void append(StringBuilder line, String name, @Nullable Object value) {
        if (value != null) {
            line.append(", ").append(name).append(": ").append(value);
        }
    }
}
