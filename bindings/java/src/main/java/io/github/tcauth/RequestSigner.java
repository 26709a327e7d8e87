package io.github.tcauth;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What an HTTP client needs to authorize its requests: {@link TcAuthSession}, or a fake of yours in tests.
 *
 * <p>For each request: if it {@linkplain #covers covers} the URL, {@link #sign} it and send it with these headers. If
 * {@link #needsReview} says so, {@link #review} the response, which can return headers to send the request with once more.
 */
public interface RequestSigner {
    /** So many bytes of the body of a response are reviewed. */
    int REVIEW_LIMIT = 64 * 1024;

    /**
     * Says whether a request goes to the server of the API path. All others must be sent without headers of this.
     *
     * @param url an absolute URL
     * @return whether {@link #sign} makes headers for it
     */
    boolean covers(String url);

    /**
     * Makes the headers for a request that is sent now. If the token is due, it is renewed before, or this waits until another
     * request has done that.
     *
     * @param method such as {@code GET}; it is signed in upper case, so send it in upper case
     * @param url the absolute URL, exactly as it will be sent
     * @return the headers
     * @throws InterruptedException if this thread is interrupted while it waits
     * @throws TcAuthException {@link TcAuthStatus#OTHER_ORIGIN}, {@link TcAuthStatus#TOKEN_EXPIRED},
     *         {@link TcAuthStatus#RENEWAL_TIMEOUT}, {@link TcAuthStatus#INVALID_METHOD},
     *         {@link TcAuthStatus#INVALID_URI_FORM}, {@link TcAuthStatus#INVALID_URI_BYTE}
     */
    TcAuthHeaders sign(String method, String url) throws InterruptedException;

    /**
     * The same as {@link #sign}, without blocking.
     *
     * @param method as there
     * @param url as there
     * @return completes with the headers, or with what {@link #sign} throws. Cancelling it ends the wait, but not a renewal
     *         that it has started, because other requests wait for that.
     */
    CompletableFuture<TcAuthHeaders> signAsync(String method, String url);

    /**
     * Says whether a response has to be reviewed.
     *
     * @param httpStatus the status of the response
     * @return true for 400, 401 and 403
     */
    static boolean needsReview(int httpStatus) {
        return httpStatus == 400 || httpStatus == 401 || httpStatus == 403;
    }

    /**
     * Reads the beginning of a body for a review, and goes back to its start. It stops at the first read that ends after 10
     * seconds, so the client should have a timeout for reads. If the transfer fails, this returns what came, and the caller who
     * reads the body gets the error.
     *
     * @param body a new stream, from which nothing was read
     * @return at most {@link #REVIEW_LIMIT} bytes
     * @throws IOException if the stream is closed
     */
    static byte[] beginning(BufferedInputStream body) throws IOException {
        byte[] beginning = new byte[REVIEW_LIMIT];
        int length = 0;
        long start = System.nanoTime();
        body.mark(REVIEW_LIMIT);
        try {
            while (length < REVIEW_LIMIT && System.nanoTime() - start < Duration.ofSeconds(10).toNanos()) {
                int more = body.read(beginning, length, REVIEW_LIMIT - length);
                if (more < 0) {
                    break;
                }
                length += more;
            }
        } catch (IOException e) {
            // see above
        }
        body.reset();
        return Arrays.copyOf(beginning, length);
    }

    /**
     * Reviews the response to a request. If sending it once more can help, this renews the token if necessary, and signs it
     * again. Do that for the second response, too, with {@code canRepeat} false.
     *
     * @param sent the headers that were sent, from {@link #sign}
     * @param httpStatus the status of the response
     * @param headers gives all values of a header of the response, such as {@link java.net.http.HttpHeaders#allValues}
     * @param body the body of the response without its Content-Encoding; {@link #REVIEW_LIMIT} bytes are enough
     * @param canRepeat whether the request can be sent once more: it was not before, and its body can be read again
     * @return the headers to send the request with once more; null: return the response to the caller
     * @throws InterruptedException if this thread is interrupted while it waits
     * @throws TcAuthException {@link TcAuthStatus#MALFORMED_AUTHORIZATION} if {@code sent} was not made for this kind of
     *         identity
     */
    @Nullable TcAuthHeaders review(TcAuthHeaders sent, int httpStatus, Function<String, List<String>> headers, byte[] body,
            boolean canRepeat) throws InterruptedException;

    /**
     * The same as {@link #review}, without blocking.
     *
     * @param sent as there
     * @param httpStatus as there
     * @param headers as there
     * @param body as there
     * @param canRepeat as there
     * @return completes with what {@link #review} returns or throws
     */
    CompletableFuture<@Nullable TcAuthHeaders> reviewAsync(TcAuthHeaders sent, int httpStatus,
            Function<String, List<String>> headers, byte[] body, boolean canRepeat);
}
