package io.github.tcauth;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Authenticator;
import java.net.InetAddress;
import java.net.MalformedURLException;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;

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
 * {@code requests}, {@code headers} or {@code all}.
 *
 * <p>Any number of threads may use it at the same time. It closes neither the identity nor the client.
 */
public final class TcAuthClient {
    private static final Set<Integer> REVIEWED = Set.of(400, 401, 403);
    private static final int REVIEWED_BYTES = 64 * 1024;
    private static final int RENEWAL_BYTES = 1024 * 1024;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final TcAuth auth;
    private final HttpClient client;
    private final Consumer<? super TcAuthEvent> listener;
    private final Duration reviewTimeout;
    private final Duration renewalTimeout;
    private final Executor executor;
    /** The last origin that passed {@link #check}. */
    private volatile String allowedOrigin;

    /**
     * Makes a client.
     *
     * @param auth has an API path
     * @param client follows no redirects, which is the default
     * @throws TcAuthException {@link TcAuthStatus#API_PATH_MISSING}
     * @throws IllegalArgumentException if the client follows redirects; before Java 24 also if it has an authenticator,
     *         for it then takes the Authorization header out of requests
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
    public static final class Builder {
        private final TcAuth auth;
        private final HttpClient client;
        private Consumer<? super TcAuthEvent> listener = event -> {
        };
        private Path directory;
        /** Transient: what writes all fields of an object must not write it. */
        private transient String key;
        private Duration reviewTimeout = Duration.ofSeconds(10);
        private Duration renewalTimeout = Duration.ofSeconds(30);

        private Builder(TcAuth auth, HttpClient client) {
            this.auth = Objects.requireNonNull(auth, "auth");
            this.client = Objects.requireNonNull(client, "client");
        }

        /**
         * Sets what gets the events, for a log. It is called on threads of the client's executor or of the common pool, also by
         * several threads at the same time. It should return soon, because requests wait for it.
         *
         * @param listener gets each event; if it throws, only the request that it was called for fails, and a new token is used
         *        nevertheless
         * @return this
         */
        public Builder onEvent(Consumer<? super TcAuthEvent> listener) {
            this.listener = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Shares the token with other processes: {@link #build} calls {@link TcAuth#shareIn} with these arguments. If you make
         * several clients of one identity, set this for the first one only.
         *
         * @param directory as in {@link TcAuth#shareIn}
         * @param key as there; null for none
         * @return this
         */
        public Builder shareIn(Path directory, String key) {
            this.directory = Objects.requireNonNull(directory, "directory");
            this.key = key;
            return this;
        }

        Builder timeouts(Duration review, Duration renewal) {
            reviewTimeout = review;
            renewalTimeout = renewal;
            return this;
        }

        /**
         * Makes the client.
         *
         * @return a client with the options of now
         * @throws TcAuthException as the constructor of the client; those of {@link TcAuth#shareIn}
         * @throws IllegalArgumentException as there
         */
        public TcAuthClient build() {
            return new TcAuthClient(this);
        }
    }

    private TcAuthClient(Builder options) {
        auth = options.auth;
        client = options.client;
        auth.url("/").close(); // throws without an API path
        if (client.followRedirects() != HttpClient.Redirect.NEVER) {
            throw new IllegalArgumentException("The HttpClient must not follow redirects, for it would send the"
                    + " Authorization header to their targets: build it with followRedirects(HttpClient.Redirect.NEVER)");
        }
        if (Runtime.version().feature() < 24 && client.authenticator().isPresent()) {
            throw new IllegalArgumentException("Before Java 24 an HttpClient with an authenticator takes the Authorization"
                    + " header out of requests (JDK-8326949): build it without one, or use Java 24 or later");
        }
        listener = options.listener;
        reviewTimeout = options.reviewTimeout;
        renewalTimeout = options.renewalTimeout;
        executor = client.executor().orElseGet(() -> new CompletableFuture<Void>().defaultExecutor());
        if (options.directory != null) {
            auth.shareIn(options.directory, options.key);
        }
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
            Throwable cause = e.getCause();
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
        return "TcAuthClient[" + auth + "]";
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
                    result.completeExceptionally(cause(failure));
                }
            });
        }

        private CompletableFuture<TcAuthHeaders> sign() {
            try {
                checkDestination(); // before the renewal: a request to another server must not cause one
            } catch (RuntimeException e) {
                return CompletableFuture.failedFuture(e);
            }
            Turn turn = new Turn(result);
            turn.run();
            return turn.come.thenApply(ignored -> {
                long changes = auth.changes();
                TcAuthHeaders headers = auth.headers(method, url);
                if (auth.isAdopted(headers, changes)) {
                    listener.accept(TcAuthEvent.ofAdoption(request));
                }
                return headers;
            });
        }

        /** Checks the server of the URL, and a Host header, which is sent instead of that. */
        private void checkDestination() {
            URI uri = request.uri();
            check(origin(uri));
            request.headers().allValues("Host").forEach(host -> check(uri.getScheme() + "://" + host));
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
                if (!REVIEWED.contains(info.statusCode())) {
                    return handler.apply(info);
                }
                head.set(info);
                refusal.set(new HeldBody<>(REVIEWED_BYTES, reviewTimeout, executor,
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
                    body.onError(cause(failure));
                }
                return body.result().thenCompose(value -> retry.isDone() ? send(retry.join(), false)
                        : CompletableFuture.completedFuture(new Refusal<>(signed, head.get(), response, value)));
            }).thenCompose(end -> end);
        }

        /** Chooses who reads the body of a refusal: the caller's handler, or nobody if the request will be sent once more. */
        private CompletionStage<BodySubscriber<T>> review(TcAuthHeaders sent, ResponseInfo info, byte[] beginning,
                boolean first, CompletableFuture<TcAuthHeaders> retry) {
            TcAuthAdvice advice = advice(sent, info, beginning);
            if (advice != TcAuthAdvice.RETRY || !first || !canBeSentAgain()) {
                return CompletableFuture.completedFuture(handedOver(info, advice));
            }
            return sign().handle((headers, failure) -> {
                if (failure != null) {
                    return handedOver(info, advice);
                }
                listener.accept(TcAuthEvent.ofRefusal(TcAuthEvent.Type.RETRIED, advice, info.statusCode(), request));
                retry.complete(headers);
                return HeldBody.unread(null);
            });
        }

        private TcAuthAdvice advice(TcAuthHeaders sent, ResponseInfo info, byte[] beginning) {
            try {
                return auth.review(sent, info.statusCode(), trustedDate(info.headers()), beginning);
            } catch (IllegalStateException e) {
                return TcAuthAdvice.UNKNOWN; // closed in the meantime: still return the response
            }
        }

        private BodySubscriber<T> handedOver(ResponseInfo info, TcAuthAdvice advice) {
            if (advice != TcAuthAdvice.ACCEPTED) {
                listener.accept(TcAuthEvent.ofRefusal(TcAuthEvent.Type.REFUSED, advice, info.statusCode(), request));
            }
            return handler.apply(info);
        }

        private boolean canBeSentAgain() {
            return request.bodyPublisher().map(body -> body.contentLength() >= 0).orElse(true);
        }

        /** The Date header if it can be trusted to correct the clock: one that came over TLS and not from a cache. */
        private String trustedDate(HttpHeaders headers) {
            List<String> dates = headers.allValues("Date");
            boolean trusted = url.regionMatches(true, 0, "https:", 0, 6) && headers.firstValue("Age").isEmpty();
            return trusted && dates.size() == 1 ? dates.get(0) : null;
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

    /** Checks that the library makes headers for this server. */
    private void check(String origin) {
        if (origin.equals(allowedOrigin)) {
            return;
        }
        String host = origin.substring(origin.indexOf("://") + 3);
        if (host.chars().anyMatch(c -> "/?#@\\".indexOf(c) >= 0)) {
            throw new TcAuthException(TcAuthStatus.INVALID_URI_FORM);
        }
        try {
            auth.headers("GET", origin + "/");
        } catch (TcAuthException e) {
            if (e.status() != TcAuthStatus.TOKEN_EXPIRED) {
                throw e;
            }
        }
        allowedOrigin = origin;
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

    /** Waits, without a thread, until another request's renewal ends, or renews if this request is the one that must. */
    private final class Turn implements Runnable {
        final CompletableFuture<Void> come = new CompletableFuture<>();
        private final CompletableFuture<?> request;
        private final long start = System.nanoTime();
        private boolean hasToWait;

        Turn(CompletableFuture<?> request) {
            this.request = request;
        }

        @Override
        public void run() {
            if (request.isCancelled()) {
                come.cancel(false);
                return;
            }
            try {
                TcAuthRenewal[] ticket = new TcAuthRenewal[1];
                hasToWait = hasToWait || !auth.pollOnce(ticket);
                CompletableFuture<Void> next = hasToWait ? auth.pollAgain(ticket) : null;
                if (next != null) {
                    runAgain(next);
                } else if (ticket[0] == null) {
                    come.complete(null);
                } else {
                    renewOrNot(ticket[0]);
                }
            } catch (Throwable e) {
                come.completeExceptionally(e);
            }
        }

        /** Runs this again when it is time to poll, when the patience ends, or when the request was cancelled. */
        private void runAgain(CompletableFuture<Void> next) {
            long left = PATIENCE.toNanos() - (System.nanoTime() - start);
            if (left <= 0) {
                auth.stopWaiting(next);
                throw new TcAuthException(TcAuthStatus.RENEWAL_TIMEOUT);
            }
            next.completeOnTimeout(null, left, TimeUnit.NANOSECONDS);
            CompletableFuture.anyOf(next, request).whenComplete((ignored, failure) -> {
                auth.stopWaiting(next);
                handOver();
            });
        }

        private void handOver() {
            try {
                executor.execute(this);
            } catch (RejectedExecutionException e) {
                come.completeExceptionally(e);
            }
        }

        private void renewOrNot(TcAuthRenewal renewal) {
            CompletableFuture<Void> renewed;
            try {
                renewed = renew(renewal);
            } catch (RuntimeException e) { // the client can't be made, or can't send
                noAnswer(renewal, e);
                renewed = CompletableFuture.completedFuture(null);
            }
            renewed.whenComplete((ignored, failure) -> {
                if (failure == null) {
                    come.complete(null);
                } else {
                    come.completeExceptionally(failure);
                }
            });
        }
    }

    private CompletableFuture<Void> renew(TcAuthRenewal renewal) {
        long start = System.nanoTime();
        HttpRequest get = HttpRequest.newBuilder(URI.create(renewal.url())).timeout(renewalTimeout)
                .method("GET", new SentOnce()).build();
        HttpClient once = newClient(get.uri());
        AtomicReference<HeldBody<Received>> body = new AtomicReference<>();
        // The timeout of a request does not include its body, which gets the rest of the time.
        CompletableFuture<HttpResponse<Received>> sent = once.sendAsync(get, info -> {
            body.set(new HeldBody<>(RENEWAL_BYTES, renewalTimeout.minusNanos(System.nanoTime() - start), Runnable::run,
                    (bytes, failure) -> CompletableFuture.completedFuture(
                            HeldBody.unread(new Received(info.statusCode(), bytes, failure)))));
            return body.get();
        });
        CompletableFuture<Received> received = sent.handle((response, failure) -> {
            if (body.get() == null) {
                return CompletableFuture.<Received>failedFuture(failure);
            }
            if (failure != null) {
                body.get().onError(cause(failure));
            }
            return body.get().result();
        }).thenCompose(end -> end);
        // java.net.http has no timeout for some invalid responses.
        return received.copy().orTimeout(renewalTimeout.plusSeconds(1).toMillis(), TimeUnit.MILLISECONDS)
                .handleAsync((response, failure) -> {
                    if (failure == null) {
                        complete(renewal, response);
                    } else {
                        noAnswer(renewal, failure);
                    }
                    return (Void) null;
                }, executor)
                .whenComplete((ignored, failure) -> {
                    renewal.cancel(); // if the executor rejected the task; otherwise it does nothing
                    if (!sent.cancel(true) && body.get() != null) {
                        body.get().cancel();
                    }
                    // The response may contain a token, also if it comes too late.
                    received.thenAccept(response -> Arrays.fill(response.bytes, (byte) 0));
                    Bridge.end(once);
                });
    }

    /** The part of a response that arrived, and the failure if that is not all of it. */
    private static final class Received {
        final int status;
        final byte[] bytes;
        final Throwable failure;

        Received(int status, byte[] bytes, Throwable failure) {
            this.status = status;
            this.bytes = bytes;
            this.failure = failure;
        }
    }

    private void noAnswer(TcAuthRenewal renewal, Throwable failure) {
        renewal.cancel();
        tellOfNoAnswer(failure);
    }

    /** Reports only the type of the failure: its message could contain the URL. */
    private void tellOfNoAnswer(Throwable failure) {
        listener.accept(TcAuthEvent.ofRenewalWithoutResponse(cause(failure)));
    }

    /** Called even if the transfer failed: what came may contain the new token, and the old one is then invalid. */
    private void complete(TcAuthRenewal renewal, Received response) {
        TcAuthStatus status = TcAuthStatus.OK;
        String message;
        try {
            message = renewal.complete(response.status, response.bytes);
        } catch (TcAuthException e) {
            status = e.status();
            message = e.detail();
        }
        if (status == TcAuthStatus.RENEWAL_BAD_RESPONSE && response.failure != null) {
            tellOfNoAnswer(response.failure);
        } else {
            listener.accept(TcAuthEvent.ofRenewal(status, message, response.status));
        }
    }

    /** A client with the settings of the caller's, but without its connections and cookies. */
    private HttpClient newClient(URI url) {
        HttpClient.Builder copy = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .sslContext(client.sslContext())
                .sslParameters(client.sslParameters());
        URI shown = withoutQuery(url);
        Proxy proxy = proxy(shown);
        copy.proxy(new OneProxy(proxy));
        if (proxy.type() == Proxy.Type.HTTP) { // otherwise it is not needed, and java.net.http would throw for a status of 401
            client.authenticator().ifPresent(theirs -> copy.authenticator(new ProxyOnly(theirs, shown)));
        }
        client.connectTimeout().ifPresent(copy::connectTimeout);
        client.executor().ifPresent(copy::executor);
        return copy.build();
    }

    /** The proxy that java.net.http would choose. It would pass the selector the whole URL, and the selector could log it. */
    private Proxy proxy(URI url) {
        ProxySelector selector = client.proxy().orElseGet(ProxySelector::getDefault);
        List<Proxy> proxies = selector == null ? List.of() : selector.select(url);
        return proxies.isEmpty() ? Proxy.NO_PROXY : proxies.get(0);
    }

    private static URI withoutQuery(URI url) {
        String text = url.toString();
        return URI.create(text.substring(0, text.indexOf('?')));
    }

    private static Throwable cause(Throwable failure) {
        boolean wrapped = failure instanceof CompletionException || failure instanceof UncheckedIOException;
        return wrapped && failure.getCause() != null ? cause(failure.getCause()) : failure;
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

    private static final class OneProxy extends ProxySelector {
        private final List<Proxy> proxy;

        OneProxy(Proxy proxy) {
            this.proxy = List.of(proxy);
        }

        @Override
        public List<Proxy> select(URI url) {
            return proxy;
        }

        @Override
        public void connectFailed(URI url, SocketAddress address, IOException failure) {
            // there is no other
        }
    }

    /** Uses the caller's authenticator for proxies only, and passes it the URL without the query, which contains the token. */
    private static final class ProxyOnly extends Authenticator {
        private final Authenticator theirs;
        private final URI shown;

        ProxyOnly(Authenticator theirs, URI shown) {
            this.theirs = theirs;
            this.shown = shown;
        }

        @Override
        public PasswordAuthentication requestPasswordAuthenticationInstance(String host, InetAddress address, int port,
                String protocol, String prompt, String scheme, URL url, RequestorType type) {
            if (type != RequestorType.PROXY) {
                return null;
            }
            try {
                return theirs.requestPasswordAuthenticationInstance(host, address, port, protocol, prompt, scheme,
                        shown.toURL(), type);
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException(e); // can't happen with http and https
            }
        }
    }

    /**
     * The empty body of a request that must be sent only once. java.net.http repeats a GET if the connection ends without a
     * response, even a new connection. It asks for the body's length each time, so the second time an exception stops it.
     */
    private static final class SentOnce implements BodyPublisher {
        private final AtomicBoolean written = new AtomicBoolean();

        @Override
        public long contentLength() {
            if (written.getAndSet(true)) {
                throw new UncheckedIOException(new EOFException("the connection has ended without an answer"));
            }
            return 0;
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
            BodyPublishers.noBody().subscribe(subscriber);
        }
    }
}
