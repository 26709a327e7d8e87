package io.github.tcauth;

import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Sends the GET that renews a token. {@link #of} makes the one that sessions use if they are told nothing else; write your own
 * only if a renewal needs what java.net.http does not have.
 *
 * <p>It must send the request at most once: the first one invalidates the token, so a repetition would fail, and the new token
 * would be lost. Most clients repeat a GET whose connection ends without a response, and some repeat it after certain
 * responses, such as 408 and 503. So use HTTP/1.1, a new connection, no redirects, no cookies and no retries. The URL contains
 * the token: keep it out of logs, traces, interceptors and caches.
 */
@FunctionalInterface
public interface RenewalTransport {
    /**
     * Sends the request. It must not block: the time-outs begin when it has returned.
     *
     * @param url what to GET, without an Authorization header
     * @param timeout the longest time until the end of the response
     * @return completes with the response, whatever its status. After the timeout the session completes it exceptionally: then
     *         close the connection.
     */
    CompletableFuture<Response> get(URI url, Duration timeout);

    /**
     * Renews with java.net.http: on a new connection, with the proxy, TLS settings and executor of a client, and its
     * authenticator for the proxy. If a proxy demands a password for a plain http URL, the renewal fails, because the GET would
     * have to be repeated.
     *
     * @param client has the settings; it sends nothing itself
     * @return the transport
     */
    static RenewalTransport of(HttpClient client) {
        return new HttpRenewal(Objects.requireNonNull(client, "client"));
    }

    /** What a renewal received. */
    final class Response {
        private final int status;
        /** Transient: what writes all fields of an object must not write it. */
        private final transient byte[] body;
        private final @Nullable Throwable failure;

        private Response(int status, byte[] body, @Nullable Throwable failure) {
            this.status = status;
            this.body = Objects.requireNonNull(body, "body");
            this.failure = failure;
        }

        /**
         * A complete response.
         *
         * @param status its HTTP status
         * @param body at most 1 MiB. It contains the new token. It is not copied: the session overwrites it with zeros.
         * @return the response
         */
        public static Response of(int status, byte[] body) {
            return new Response(status, body, null);
        }

        /**
         * A response whose transfer has failed. Return it and do not fail: what came may contain the new token, and the old one
         * is invalid then.
         *
         * @param status its HTTP status
         * @param body the part that came, as in {@link #of}
         * @param failure why there is not more
         * @return the response
         */
        public static Response ofPart(int status, byte[] body, Throwable failure) {
            return new Response(status, body, Objects.requireNonNull(failure, "failure"));
        }

        int status() {
            return status;
        }

        byte[] body() {
            return body;
        }

        /** Null if the response is complete. */
        @Nullable Throwable failure() {
            return failure;
        }

        void wipe() {
            Arrays.fill(body, (byte) 0);
        }

        /** Contains the status, and nothing of the body. */
        @Override
        public String toString() {
            return "Response[" + status + (failure == null ? "" : ", not complete") + "]";
        }
    }
}
