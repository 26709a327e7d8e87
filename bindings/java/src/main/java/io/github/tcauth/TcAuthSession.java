package io.github.tcauth;

import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An identity for any HTTP client: it signs requests, renews the token when it is due while other requests wait, and says which
 * refused request to send once more. For java.net.http use {@link TcAuthClient}, which does that and sends them.
 *
 * <p>It signs only URLs of the server of the API path. A renewal is a separate GET of its {@link RenewalTransport}, which ends
 * after 30 seconds at most. If it fails, requests are still signed as long as the old token is valid.
 *
 * <p>Make one for each {@link TcAuth}. Any number of threads may use it at the same time. It does not close the identity.
 */
public final class TcAuthSession implements RequestSigner {
    private final TcAuth auth;
    private final Consumer<? super TcAuthEvent> listener;
    private final RenewalTransport transport;
    private final Duration renewalTimeout;
    private final Duration waitTimeout;
    private final Executor executor;
    private final @Nullable StoredToken stored;
    /** The last origin that passed {@link #check}. */
    private volatile @Nullable String allowedOrigin;
    /** The last renewal, if it has failed. */
    private volatile @Nullable TcAuthEvent failedRenewal;

    /**
     * Makes a session that renews with the settings of a new {@link HttpClient}.
     *
     * @param auth has an API path
     * @throws TcAuthException {@link TcAuthStatus#API_PATH_MISSING}
     */
    public TcAuthSession(TcAuth auth) {
        this(newBuilder(auth));
    }

    /**
     * Begins to make a session with options.
     *
     * @param auth the identity
     * @return a builder without options
     */
    public static Builder newBuilder(TcAuth auth) {
        return new Builder(auth);
    }

    /** The options of a session. */
    public static final class Builder extends SessionOptions<Builder> {
        private Builder(TcAuth auth) {
            super(auth);
        }

        /**
         * Sets what runs the continuations of asynchronous calls, and the end of a renewal; by default up to 100 daemon
         * threads, which end when they are idle.
         *
         * @param executor runs tasks that can wait for the disk or the store if the token is shared. It needs more threads than
         *        those that call {@link TcAuthSession#sign}, which waits for it, and must not run tasks in the calling thread.
         * @return this
         */
        public Builder executor(Executor executor) {
            this.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        @Override
        Builder self() {
            return this;
        }

        /**
         * Makes the session.
         *
         * @return a session with the options of now
         * @throws TcAuthException {@link TcAuthStatus#API_PATH_MISSING}; those of {@link TcAuth#setApiPath},
         *         {@link TcAuth#setRenewalWindow} and {@link TcAuth#shareIn}
         */
        public TcAuthSession build() {
            return new TcAuthSession(this);
        }
    }

    TcAuthSession(SessionOptions<?> options) {
        auth = options.auth;
        listener = options.listener;
        renewalTimeout = options.renewalTimeout;
        waitTimeout = options.waitTimeout;
        executor = options.executor != null ? options.executor : Threads.pool();
        stored = options.configure();
        transport = options.transport != null ? options.transport : RenewalTransport.of(HttpClient.newHttpClient());
    }

    @Override
    public boolean covers(String url) {
        try {
            checkUrl(url);
            return true;
        } catch (TcAuthException e) {
            return false;
        }
    }

    @Override
    public TcAuthHeaders sign(String method, String url) throws InterruptedException {
        return await(signAsync(method, url));
    }

    @Override
    public CompletableFuture<TcAuthHeaders> signAsync(String method, String url) {
        Objects.requireNonNull(method, "method");
        try {
            checkUrl(url); // before the renewal: a request to another server must not cause one
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
        CompletableFuture<TcAuthHeaders> result = new CompletableFuture<>();
        new Turn(method, url, result).run();
        return result;
    }

    @Override
    public @Nullable TcAuthHeaders review(TcAuthHeaders sent, int httpStatus, Function<String, List<String>> headers, byte[] body,
            boolean canRepeat) throws InterruptedException {
        return await(reviewAsync(sent, httpStatus, headers, body, canRepeat));
    }

    @Override
    public CompletableFuture<@Nullable TcAuthHeaders> reviewAsync(TcAuthHeaders sent, int httpStatus,
            Function<String, List<String>> headers, byte[] body, boolean canRepeat) {
        try {
            TcAuthAdvice advice = advice(sent, httpStatus, headers, body);
            StoredToken store = stored;
            if (advice != TcAuthAdvice.TOKEN_REJECTED || store == null) {
                return follow(advice, sent, httpStatus, canRepeat);
            }
            return StoredToken.start(store::refresh).thenComposeAsync(ignored ->
                    follow(advice(sent, httpStatus, headers, body), sent, httpStatus, canRepeat), executor);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Signs again if that is the advice. */
    private CompletableFuture<@Nullable TcAuthHeaders> follow(TcAuthAdvice advice, TcAuthHeaders sent, int httpStatus,
            boolean canRepeat) {
        String method = sent.method();
        String url = sent.url();
        if (advice != TcAuthAdvice.RETRY || !canRepeat || method == null || url == null) {
            tellOfRefusal(sent, httpStatus, advice);
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<TcAuthHeaders> signing = signAsync(method, url);
        CompletableFuture<@Nullable TcAuthHeaders> result = signing.<@Nullable TcAuthHeaders>handle((again, failure) -> {
            if (failure != null) {
                tellOfRefusal(sent, httpStatus, advice);
                return null;
            }
            listener.accept(TcAuthEvent.ofRefusal(TcAuthEvent.Type.RETRIED, advice, httpStatus, sent));
            return again;
        });
        endWith(result, signing);
        return result;
    }

    /**
     * Replaces the token: {@link TcAuth#updateToken}, and in the {@link TokenStore} if there is one. It waits for that.
     *
     * @param token as there
     * @param expires as there
     * @throws TcAuthException as there; {@link TcAuthStatus#STORE_IO} if the store does not answer: then the token counts in
     *         this process, and is saved later
     */
    public void updateToken(String token, @Nullable Instant expires) {
        StoredToken store = stored;
        if (store == null) {
            auth.updateToken(token, expires);
            return;
        }
        AutoCloseable lock = null;
        try {
            lock = store.lock(() -> false);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            // the comparison of the write must do
        }
        try {
            auth.updateToken(token, expires);
            if (!store.save()) {
                throw new TcAuthException(TcAuthStatus.STORE_IO);
            }
        } finally {
            if (lock != null) {
                StoredToken.unlock(lock);
            }
        }
    }

    private TcAuthAdvice advice(TcAuthHeaders sent, int httpStatus, Function<String, List<String>> headers, byte[] body) {
        if (!RequestSigner.needsReview(httpStatus)) {
            return TcAuthAdvice.ACCEPTED;
        }
        try {
            return auth.review(sent, httpStatus, trustedDate(sent.url(), headers), body);
        } catch (IllegalStateException e) {
            return TcAuthAdvice.UNKNOWN; // closed in the meantime: still return the response
        }
    }

    private void tellOfRefusal(TcAuthHeaders sent, int httpStatus, TcAuthAdvice advice) {
        if (advice != TcAuthAdvice.ACCEPTED) {
            listener.accept(TcAuthEvent.ofRefusal(TcAuthEvent.Type.REFUSED, advice, httpStatus, sent));
        }
    }

    /** The Date header if it can be trusted to correct the clock: one that came over TLS and not from a cache. */
    private static @Nullable String trustedDate(@Nullable String url, Function<String, List<String>> headers) {
        if (url == null || !url.regionMatches(true, 0, "https:", 0, 6) || !headers.apply("Age").isEmpty()) {
            return null;
        }
        List<String> dates = headers.apply("Date");
        return dates.size() == 1 ? dates.get(0) : null;
    }

    TcAuth auth() {
        return auth;
    }

    Executor executor() {
        return executor;
    }

    /** Contains what {@link TcAuth#toString} says, without secrets. */
    @Override
    public String toString() {
        return "TcAuthSession[" + auth + "]";
    }

    private void checkUrl(String url) {
        String allowed = allowedOrigin;
        boolean isAllowed = allowed != null && url.startsWith(allowed)
                && (url.length() == allowed.length() || isEndOfOrigin(url.charAt(allowed.length())));
        if (!isAllowed) {
            check(origin(url));
        }
    }

    private static boolean isEndOfOrigin(char c) {
        return c == '/' || c == '?' || c == '#';
    }

    /** The scheme, host and port of a URL, as they are written there. */
    private static String origin(String url) {
        int host = url.indexOf("://") + 3;
        if (host < 3) {
            throw new TcAuthException(TcAuthStatus.INVALID_URI_FORM);
        }
        for (int i = host; i < url.length(); i++) {
            if (isEndOfOrigin(url.charAt(i))) {
                return url.substring(0, i);
            }
        }
        return url;
    }

    /** Checks that the library makes headers for this server. */
    void check(String origin) {
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

    /** Waits, without a thread, until another request's renewal ends, or renews if this request must; then signs. */
    private final class Turn implements Runnable {
        private final String method;
        private final String url;
        private final CompletableFuture<TcAuthHeaders> result;
        private final long start = System.nanoTime();
        private boolean hasToWait;
        private boolean hasRefreshed;

        Turn(String method, String url, CompletableFuture<TcAuthHeaders> result) {
            this.method = method;
            this.url = url;
            this.result = result;
        }

        @Override
        public void run() {
            if (result.isDone()) {
                return; // cancelled
            }
            StoredToken store = stored;
            try {
                if (store != null) {
                    store.saveLater();
                }
                @Nullable TcAuthRenewal[] ticket = new @Nullable TcAuthRenewal[1];
                hasToWait = hasToWait || !auth.pollOnce(ticket);
                @Nullable CompletableFuture<Void> next = hasToWait ? auth.pollAgain(ticket) : null;
                if (next != null) {
                    runAgain(next);
                } else if (ticket[0] == null) {
                    sign();
                } else {
                    TcAuthRenewal renewal = ticket[0];
                    signAfter(store == null ? renew(renewal) : StoredToken.start(() -> renew(renewal, store)));
                }
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        }

        /** Runs this again when it is time to poll, when the patience ends, or when the request was cancelled. */
        private void runAgain(CompletableFuture<Void> next) {
            long left = Threads.nanos(waitTimeout) - (System.nanoTime() - start);
            if (left <= 0) {
                auth.stopWaiting(next);
                throw new TcAuthException(TcAuthStatus.RENEWAL_TIMEOUT);
            }
            next.completeOnTimeout(null, left, TimeUnit.NANOSECONDS);
            CompletableFuture.anyOf(next, result).whenComplete((ignored, failure) -> {
                auth.stopWaiting(next);
                handOver();
            });
        }

        private void signAfter(CompletableFuture<Void> step) {
            step.whenComplete((ignored, failure) -> {
                if (failure == null) {
                    sign();
                } else {
                    result.completeExceptionally(cause(failure));
                }
            });
        }

        private void handOver() {
            try {
                executor.execute(this);
            } catch (Throwable e) { // also an OutOfMemoryError, if it can't make a thread
                result.completeExceptionally(e);
            }
        }

        private void sign() {
            try {
                long changes = auth.changes();
                TcAuthHeaders headers = auth.headers(method, url);
                if (auth.isAdopted(headers, changes)) {
                    listener.accept(TcAuthEvent.ofAdoption(headers));
                }
                result.complete(headers);
            } catch (Throwable e) {
                StoredToken store = stored;
                if (store != null && !hasRefreshed && e instanceof TcAuthException
                        && ((TcAuthException) e).status() == TcAuthStatus.TOKEN_EXPIRED) {
                    hasRefreshed = true;
                    signAfter(StoredToken.start(store::refresh));
                    return;
                }
                result.completeExceptionally(explained(e));
            }
        }
    }

    /** Renews, if no other process does. The store's lock says which one. */
    private void renew(TcAuthRenewal renewal, StoredToken store) {
        AutoCloseable lock = null;
        try {
            store.save(); // most processes find the new token here
            lock = store.lock(() -> !renewal.isNeeded());
        } catch (Throwable e) { // also an Error: the others wait for this ticket
            noAnswer(renewal, e);
        }
        if (lock == null) {
            renewal.cancel();
            return;
        }
        try {
            if (renewal.isNeeded()) {
                renew(renewal).join();
            }
        } finally {
            renewal.cancel();
            StoredToken.unlock(lock);
        }
    }

    private CompletableFuture<Void> renew(TcAuthRenewal renewal) {
        CompletableFuture<RenewalTransport.Response> received;
        try {
            received = transport.get(URI.create(renewal.url()), renewalTimeout)
                    // A second more: the transport knows better what has failed.
                    .orTimeout(renewalTimeout.plusSeconds(1).toMillis(), TimeUnit.MILLISECONDS);
        } catch (Throwable e) { // it can't send, or is no good
            noAnswer(renewal, e);
            return CompletableFuture.completedFuture(null);
        }
        return received
                .handleAsync((response, failure) -> {
                    if (failure == null && response != null) {
                        complete(renewal, response);
                    } else {
                        noAnswer(renewal, failure != null ? failure : new NullPointerException("the transport has no response"));
                    }
                    return (Void) null;
                }, executor)
                .whenComplete((ignored, failure) -> {
                    renewal.cancel(); // if the executor rejected the task; otherwise it does nothing
                    received.thenAccept(response -> {
                        if (response != null) {
                            response.wipe();
                        }
                    });
                });
    }

    private void noAnswer(TcAuthRenewal renewal, Throwable failure) {
        renewal.cancel();
        tellOfNoAnswer(failure);
    }

    /** Reports only the type of the failure: its message could contain the URL. */
    private void tellOfNoAnswer(Throwable failure) {
        tell(TcAuthEvent.ofRenewalWithoutResponse(cause(failure)));
    }

    private void tell(TcAuthEvent renewal) {
        failedRenewal = renewal.type() == TcAuthEvent.Type.RENEWAL_FAILED ? renewal : null;
        listener.accept(renewal);
    }

    /** The C library says only that the token has expired. This says why it was not renewed. */
    private Throwable explained(Throwable failure) {
        TcAuthEvent renewal = failedRenewal;
        boolean isExpired = failure instanceof TcAuthException
                && ((TcAuthException) failure).status() == TcAuthStatus.TOKEN_EXPIRED;
        return isExpired && renewal != null
                ? new TcAuthException(TcAuthStatus.TOKEN_EXPIRED.value(), renewal.toString())
                : failure;
    }

    /** Called even if the transfer failed: what came may contain the new token, and the old one is then invalid. */
    private void complete(TcAuthRenewal renewal, RenewalTransport.Response response) {
        TcAuthStatus status = TcAuthStatus.OK;
        @Nullable String message;
        try {
            message = renewal.complete(response.status(), response.body());
            if (stored != null && !stored.save()) {
                status = TcAuthStatus.STORE_IO;
            }
        } catch (TcAuthException e) {
            status = e.status();
            message = e.detail();
        }
        if (status == TcAuthStatus.RENEWAL_BAD_RESPONSE && response.failure() != null) {
            tellOfNoAnswer(response.failure());
        } else {
            tell(TcAuthEvent.ofRenewal(status, message, response.status()));
        }
    }

    /** Waits. If this thread is interrupted, it cancels. */
    static <T extends @Nullable Object> T await(CompletableFuture<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (InterruptedException e) {
            future.cancel(true);
            throw e;
        } catch (ExecutionException e) {
            throw unchecked(withCaller(Objects.requireNonNull(e.getCause())));
        }
    }

    /** The trace of a failure in another thread does not say which call has failed: this adds the frames of this thread. */
    static Throwable withCaller(Throwable failure) {
        List<StackTraceElement> trace = new ArrayList<>(List.of(failure.getStackTrace()));
        StackTraceElement[] here = new Throwable().getStackTrace();
        if (!trace.contains(here[here.length - 1]) || !trace.contains(here[2])) {
            trace.addAll(List.of(here).subList(1, here.length));
            failure.setStackTrace(trace.toArray(new StackTraceElement[0]));
        }
        return failure;
    }

    private static RuntimeException unchecked(Throwable failure) {
        if (failure instanceof Error) {
            throw (Error) failure;
        }
        return failure instanceof RuntimeException ? (RuntimeException) failure : new CompletionException(failure);
    }

    /** If the first one is cancelled, the second one is, too. */
    static void endWith(CompletableFuture<?> whole, CompletableFuture<?> part) {
        whole.whenComplete((ignored, failure) -> {
            if (whole.isCancelled()) {
                part.cancel(true);
            }
        });
    }

    static Throwable cause(Throwable failure) {
        boolean wrapped = failure instanceof CompletionException || failure instanceof UncheckedIOException;
        return wrapped && failure.getCause() != null ? cause(failure.getCause()) : failure;
    }
}
