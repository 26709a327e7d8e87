package io.github.tcauth;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The options that the builders of {@link TcAuthSession} and {@link TcAuthClient} have in common. */
abstract class SessionOptions<B extends SessionOptions<B>> {
    /** Less than the life of a ticket, which ends after 120 seconds. */
    private static final Duration LONGEST_RENEWAL = Duration.ofSeconds(100);

    final TcAuth auth;
    Consumer<? super TcAuthEvent> listener = event -> {
    };
    @Nullable RenewalTransport transport;
    @Nullable Executor executor;
    Duration renewalTimeout = Duration.ofSeconds(30);
    Duration waitTimeout = Duration.ofSeconds(60);
    private @Nullable String apiPath;
    private @Nullable Duration renewalWindow;
    private @Nullable Path directory;
    private @Nullable TokenStore store;
    /** Transient: what writes all fields of an object must not write it. */
    private transient @Nullable String key;

    SessionOptions(TcAuth auth) {
        this.auth = Objects.requireNonNull(auth, "auth");
    }

    abstract B self();

    /** Applies the options to the identity. Returns its place in a store, if it has one. */
    @Nullable StoredToken configure() {
        if (apiPath != null && !apiPath.equals(auth.apiPath())) { // a second build() finds it set
            auth.setApiPath(apiPath);
        }
        auth.url("/").close(); // throws without an API path
        if (renewalWindow != null) {
            auth.setRenewalWindow(renewalWindow);
        }
        if (directory != null) {
            auth.shareIn(directory, key);
        }
        if (store == null) {
            return null;
        }
        StoredToken stored = new StoredToken(auth, store, key);
        stored.open();
        return stored;
    }

    /**
     * Sets the API path: {@code build()} calls {@link TcAuth#setApiPath} with it.
     *
     * @param apiPath such as {@code https://company.example/api}
     * @return this
     */
    public B apiPath(String apiPath) {
        this.apiPath = Objects.requireNonNull(apiPath, "apiPath");
        return self();
    }

    /**
     * Sets how long before its expiry a token is renewed: {@code build()} calls {@link TcAuth#setRenewalWindow} with it.
     *
     * @param window up to one day
     * @return this
     */
    public B renewalWindow(Duration window) {
        renewalWindow = Objects.requireNonNull(window, "window");
        return self();
    }

    /**
     * Sets what gets the events, for a log: such as {@link TcAuthEvent#logging}. It is called on threads of the executor and of
     * callers, also by several threads at the same time. It should return soon, because requests wait for it.
     *
     * @param listener gets each event; if it throws, only the request that it was called for fails, and a new token is used
     *        nevertheless
     * @return this
     */
    public B onEvent(Consumer<? super TcAuthEvent> listener) {
        this.listener = Objects.requireNonNull(listener, "listener");
        return self();
    }

    /**
     * Shares the token with other processes: {@code build()} calls {@link TcAuth#shareIn} with these arguments.
     *
     * @param directory as in {@link TcAuth#shareIn}
     * @param key as there; null for none
     * @return this
     */
    public B shareIn(Path directory, @Nullable String key) {
        this.directory = Objects.requireNonNull(directory, "directory");
        store = null;
        this.key = key;
        return self();
    }

    /**
     * Shares the token with other processes, on many machines. {@code build()} reads the entry of the token's family and uses
     * its token if it is newer; if there is no entry, it writes one. Start all processes with the first token, and set another
     * one with {@link TcAuthSession#updateToken}.
     *
     * @param store the store of all processes
     * @param key as in {@link TcAuth#seal}: the same in all processes; null for none
     * @return this
     */
    public B shareIn(TokenStore store, @Nullable String key) {
        this.store = Objects.requireNonNull(store, "store");
        directory = null;
        this.key = key;
        return self();
    }

    /**
     * Sets what sends the renewals.
     *
     * @param transport by default {@link RenewalTransport#of} with the {@link TcAuthClient}'s own client, or with a new one
     * @return this
     */
    public B renewalTransport(RenewalTransport transport) {
        this.transport = Objects.requireNonNull(transport, "transport");
        return self();
    }

    /**
     * Sets how long a renewal may take; by default 30 seconds.
     *
     * @param timeout up to 100 seconds
     * @return this
     * @throws IllegalArgumentException if it is more, or not positive
     */
    public B renewalTimeout(Duration timeout) {
        if (timeout.isNegative() || timeout.isZero() || timeout.compareTo(LONGEST_RENEWAL) > 0) {
            throw new IllegalArgumentException("The time for a renewal must be positive, and at most " + LONGEST_RENEWAL);
        }
        renewalTimeout = timeout;
        return self();
    }

    /**
     * Sets how long a request waits for a renewal of another request; by default 60 seconds. Then it fails with
     * {@link TcAuthStatus#RENEWAL_TIMEOUT}.
     *
     * @param timeout longer than the time for a renewal
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public B waitTimeout(Duration timeout) {
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("The time to wait for a renewal must be positive");
        }
        waitTimeout = timeout;
        return self();
    }
}
