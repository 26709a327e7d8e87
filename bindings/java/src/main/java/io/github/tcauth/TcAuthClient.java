package io.github.tcauth;

import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests with an {@link HttpClient}: signs each request, renews the token when it is due while other requests wait,
 * and sends a refused request once more if that can help.
 *
 * <p>A request must go to the server of the {@link TcAuth}'s API path. If its URI or a {@code Host} header names another
 * server, it fails with {@link TcAuthStatus#OTHER_ORIGIN}, and nothing is sent. With an {@code http} API path, anyone on the
 * way (also a proxy) can read the token. {@code Authorization} and {@code Timestamp} headers are replaced in a copy of the
 * request. Redirects are not followed; they are returned as responses.
 *
 * <p>A renewal is a separate GET. It is sent once, on a new connection, with the proxy, TLS settings and executor of the
 * client, and ends after 30 seconds at most. It sends and stores no cookies. Before Java 22 its connection stays open until the
 * next garbage collection. The client's authenticator is used only for a proxy. If a proxy demands a password for a plain http
 * API path, the renewal fails, because the GET would have to be repeated. A response that breaks off is used if it contains the
 * new token; at most 1 MiB of it is read. If the renewal fails, the request is still sent as long as the old token is valid.
 *
 * <p>A response with status 400, 401 or 403 is reviewed with the first 64 KiB of its body, or with what arrives in 10 seconds.
 * The body handler gets the whole body. If the request is sent once more, the handler gets only the second response.
 *
 * <p>A body of known length can be sent again, for example one of {@link BodyPublishers#ofString},
 * {@link BodyPublishers#ofByteArray} or {@link BodyPublishers#ofFile}. A publisher with a length, also one of
 * {@link BodyPublishers#fromPublisher(Flow.Publisher, long)}, must therefore allow a second subscription. A body of unknown
 * length, as of {@link BodyPublishers#ofInputStream}, is sent only once. The timeout of a request starts again for the second
 * attempt, and does not include the time of a renewal.
 *
 * <p>{@link HttpResponse#request()} is the signed copy of the request. Its headers contain the live Authorization: do not log
 * them. The URL of a renewal contains the token. A Java agent that records the URLs of java.net.http must leave out those that
 * end in {@code /appAuth} before their query, and {@code jdk.httpclient.HttpClient.log} must not be set to
 * {@code requests}, {@code headers}, {@code channel} or {@code all}, nor {@code jdk.internal.httpclient.debug}.
 *
 * <p>Any number of threads may use it at the same time. It closes neither the identity nor the client.
 */
public final class TcAuthClient {
    private final TcAuthSession session;
    private final HttpClient client;
    private final Duration reviewTimeout;
    private final Executor executor;

    /**
     * Makes a client.
     *
     * @param auth has an API path
     * @param client follows no redirects, which is the default
     * @throws TcAuthException {@link TcAuthStatus#API_PATH_MISSING}
     * @throws IllegalArgumentException if the client follows redirects or is an {@link #asHttpClient}; before Java 24 also if
     *         it has an authenticator, for it then takes the Authorization header out of requests
     */
    public TcAuthClient(TcAuth auth, HttpClient client) {
        this(newBuilder(auth, client));
    }

    /**
     * Begins to make a client with options.
     *
     * @param auth has an API path
     * @param client follows no redirects, which is the default
     * @return a builder without options
     */
    public static Builder newBuilder(TcAuth auth, HttpClient client) {
        return new Builder(auth, client);
    }

    /** The options of a client. */
    public static final class Builder extends SessionOptions<Builder> {
        private final HttpClient client;
        private Duration reviewTimeout = Duration.ofSeconds(10);

        private Builder(TcAuth auth, HttpClient client) {
            super(auth);
            this.client = Objects.requireNonNull(client, "client");
            transport = RenewalTransport.of(client);
            executor = client.executor().orElse(null);
        }

        @Override
        Builder self() {
            return this;
        }

        /**
         * Sets how long a refusal is read for its review; by default 10 seconds. Then it is reviewed with what has come.
         *
         * @param timeout from the headers of the response on
         * @return this
         */
        public Builder reviewTimeout(Duration timeout) {
            reviewTimeout = Objects.requireNonNull(timeout, "timeout");
            return this;
        }

        /**
         * Makes the client.
         *
         * @return a client with the options of now
         * @throws TcAuthException {@link TcAuthStatus#API_PATH_MISSING}; those of {@link TcAuth#setApiPath},
         *         {@link TcAuth#setRenewalWindow} and {@link TcAuth#shareIn}
         * @throws IllegalArgumentException as the constructor of the client
         */
        public TcAuthClient build() {
            return new TcAuthClient(this);
        }
    }

    private TcAuthClient(Builder options) {
        client = options.client;
        if (client instanceof AuthorizedHttpClient) {
            throw new IllegalArgumentException("This HttpClient already authorizes its requests: pass the one that it is made of");
        }
        if (client.followRedirects() != HttpClient.Redirect.NEVER) {
            throw new IllegalArgumentException("The HttpClient must not follow redirects, for it would send the"
                    + " Authorization header to their targets: build it with followRedirects(HttpClient.Redirect.NEVER)");
        }
        if (Runtime.version().feature() < 24 && client.authenticator().isPresent()) {
            throw new IllegalArgumentException("Before Java 24 an HttpClient with an authenticator takes the Authorization"
                    + " header out of requests (JDK-8326949): build it without one, or use Java 24 or later");
        }
        reviewTimeout = options.reviewTimeout;
        session = new TcAuthSession(options);
        executor = session.executor();
    }

    /**
     * The same as an {@link HttpClient}, for frameworks that take one. Its requests must all go to the server of the API path.
     *
     * <p>Give the framework no redirects to follow, and check that it uses this object: some copy the settings of the client
     * that they get into one of their own, which does not sign. It takes no {@link HttpResponse.PushPromiseHandler} and makes
     * no WebSocket. {@code close()} ends nothing, because it owns nothing.
     *
     * @return a view of this
     */
    public HttpClient asHttpClient() {
        return new AuthorizedHttpClient(this, client);
    }

    /**
     * The session that signs the requests, for another HTTP client with the same identity.
     *
     * @return the session
     */
    public TcAuthSession session() {
        return session;
    }

    /**
     * Sends a request and waits for the response, as {@link HttpClient#send} does.
     *
     * @param <T> the type of the body
     * @param request the request without authorization
     * @param handler for the body of the response
     * @return the response
     * @throws IOException if there is no response
     * @throws InterruptedException if this thread is interrupted; the request is then cancelled
     * @throws TcAuthException {@link TcAuthStatus#OTHER_ORIGIN}, {@link TcAuthStatus#TOKEN_EXPIRED},
     *         {@link TcAuthStatus#INVALID_URI_BYTE}; {@link TcAuthStatus#RENEWAL_TIMEOUT} if another thread's renewal takes
     *         longer than a minute
     */
    public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler) throws IOException, InterruptedException {
        CompletableFuture<HttpResponse<T>> response = sendAsync(request, handler);
        try {
            return response.get();
        } catch (InterruptedException e) {
            response.cancel(true);
            throw e;
        } catch (ExecutionException e) {
            Throwable cause = TcAuthSession.withCaller(Objects.requireNonNull(e.getCause()));
            if (cause instanceof IOException) {
                throw (IOException) cause;
            } else if (cause instanceof RuntimeException) {
                throw (RuntimeException) cause;
            } else if (cause instanceof Error) {
                throw (Error) cause;
            }
            throw new IOException(cause);
        }
    }

    /**
     * Sends a request without blocking, as {@link HttpClient#sendAsync(HttpRequest, BodyHandler)} does.
     *
     * @param <T> the type of the body
     * @param request the request without authorization
     * @param handler for the body of the response
     * @return completes with the response, or with what {@link #send} throws. Cancelling it cancels the request, but not a
     *         renewal that this request has started, because other requests wait for that.
     */
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, BodyHandler<T> handler) {
        Exchange<T> exchange = new Exchange<>(request, Objects.requireNonNull(handler));
        exchange.start();
        return exchange.result;
    }

    /** Contains what {@link TcAuth#toString} says, without secrets. */
    @Override
    public String toString() {
        return "TcAuthClient[" + session.auth() + "]";
    }

    /** One request of the caller, which may be sent twice. */
    private final class Exchange<T> {
        final CompletableFuture<HttpResponse<T>> result = new CompletableFuture<>();
        private final HttpRequest request;
        private final BodyHandler<T> handler;
        private final String method;
        private final String url;

        Exchange(HttpRequest request, BodyHandler<T> handler) {
            this.request = request;
            this.handler = handler;
            this.method = request.method().toUpperCase(Locale.ROOT);
            this.url = wireUrl(request.uri());
        }

        void start() {
            sign().thenCompose(headers -> send(headers, true)).whenComplete((response, failure) -> {
                if (failure == null) {
                    result.complete(response);
                } else {
                    result.completeExceptionally(TcAuthSession.cause(failure));
                }
            });
        }

        private CompletableFuture<TcAuthHeaders> sign() {
            try {
                checkHost();
            } catch (RuntimeException e) {
                return CompletableFuture.failedFuture(e);
            }
            CompletableFuture<TcAuthHeaders> signing = session.signAsync(method, url);
            TcAuthSession.endWith(result, signing);
            return signing;
        }

        /** Checks a Host header: it is sent instead of the URL's. */
        private void checkHost() {
            request.headers().allValues("Host").forEach(host -> session.check(request.uri().getScheme() + "://" + host));
        }

        private void stopIfCancelled() {
            if (result.isCancelled()) {
                throw new CancellationException();
            }
        }

        private CompletableFuture<HttpResponse<T>> send(TcAuthHeaders headers, boolean first) {
            stopIfCancelled();
            AtomicReference<HeldBody<T>> refusal = new AtomicReference<>();
            AtomicReference<ResponseInfo> head = new AtomicReference<>();
            CompletableFuture<TcAuthHeaders> retry = new CompletableFuture<>();
            HttpRequest signed = signed(headers);
            CompletableFuture<HttpResponse<T>> sent = client.sendAsync(signed, info -> {
                if (!RequestSigner.needsReview(info.statusCode())) {
                    return handler.apply(info);
                }
                head.set(info);
                refusal.set(new HeldBody<>(RequestSigner.REVIEW_LIMIT, reviewTimeout, executor,
                        (beginning, cut) -> review(headers, info, beginning, first, retry)));
                return refusal.get();
            });
            result.whenComplete((response, failure) -> {
                // For java.net.http a refusal is complete with its headers: then only the body can be cancelled.
                if (result.isCancelled() && !sent.cancel(true) && refusal.get() != null) {
                    refusal.get().cancel();
                }
            });
            return sent.handle((response, failure) -> {
                HeldBody<T> body = refusal.get();
                if (body == null || result.isCancelled()) {
                    return sent;
                }
                if (failure != null) {
                    body.onError(TcAuthSession.cause(failure));
                }
                return body.result().thenCompose(value -> retry.isDone() ? send(retry.join(), false)
                        : CompletableFuture.completedFuture(new Refusal<>(signed, head.get(), response, value)));
            }).thenCompose(end -> end);
        }

        /** Chooses who reads the body of a refusal: the caller's handler, or nobody if the request will be sent once more. */
        private CompletionStage<BodySubscriber<T>> review(TcAuthHeaders sent, ResponseInfo info, byte[] beginning,
                boolean first, CompletableFuture<TcAuthHeaders> retry) {
            CompletableFuture<@Nullable TcAuthHeaders> reviewing = session.reviewAsync(sent, info.statusCode(),
                    info.headers()::allValues, beginning, first && canBeSentAgain());
            TcAuthSession.endWith(result, reviewing);
            return reviewing.thenApply(again -> {
                if (again == null) {
                    return handler.apply(info);
                }
                retry.complete(again);
                return HeldBody.unread(null);
            });
        }

        private boolean canBeSentAgain() {
            return request.bodyPublisher().map(body -> body.contentLength() >= 0).orElse(true);
        }

        private HttpRequest signed(TcAuthHeaders headers) {
            HttpRequest.Builder copy = HttpRequest.newBuilder(URI.create(url)).expectContinue(request.expectContinue());
            request.timeout().ifPresent(copy::timeout);
            request.version().ifPresent(copy::version);
            if (request.bodyPublisher().isPresent()) {
                copy.method(method, request.bodyPublisher().get());
            } else if (method.equals("DELETE")) {
                copy.DELETE(); // method() with an empty body would add a Content-Length
            } else if (!method.equals("GET")) {
                copy.method(method, BodyPublishers.noBody());
            }
            request.headers().map().forEach((name, values) -> {
                if (!name.equalsIgnoreCase("Authorization") && !name.equalsIgnoreCase("Timestamp")) {
                    values.forEach(value -> copy.header(name, value));
                }
            });
            headers.forEach(copy::setHeader);
            return copy.build();
        }
    }

    /** The origin and the request target as java.net.http sends it: without an empty query, and {@code /} for an empty path. */
    private static String wireUrl(URI uri) {
        String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        String query = uri.getRawQuery() == null || uri.getRawQuery().isEmpty() ? "" : "?" + uri.getRawQuery();
        return origin(uri) + path + query;
    }

    private static String origin(URI uri) {
        return uri.getScheme() + "://" + uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort());
    }

    /** A refusal, whose body was read in part for the review. */
    private static final class Refusal<T> implements HttpResponse<T> {
        private final HttpRequest request;
        private final ResponseInfo info;
        private final Optional<HttpResponse<T>> response;
        private final T body;

        /** The response is null if java.net.http failed it. */
        Refusal(HttpRequest request, ResponseInfo info, HttpResponse<T> response, T body) {
            this.request = request;
            this.info = info;
            this.response = Optional.ofNullable(response);
            this.body = body;
        }

        @Override
        public int statusCode() {
            return info.statusCode();
        }

        @Override
        public HttpRequest request() {
            return request;
        }

        @Override
        public Optional<HttpResponse<T>> previousResponse() {
            return response.flatMap(HttpResponse::previousResponse);
        }

        @Override
        public HttpHeaders headers() {
            return info.headers();
        }

        @Override
        public T body() {
            return body;
        }

        @Override
        public Optional<SSLSession> sslSession() {
            return response.flatMap(HttpResponse::sslSession);
        }

        @Override
        public URI uri() {
            return request.uri();
        }

        @Override
        public HttpClient.Version version() {
            return info.version();
        }

        @Override
        public String toString() {
            return "(" + request.method() + " " + request.uri() + ") " + info.statusCode();
        }
    }
}
