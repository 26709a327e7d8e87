package io.github.tcauth;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The token of an identity, and its copy in a {@link TokenStore}. The methods wait for the store: see {@link #start}. */
final class StoredToken {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int SHORTEST_PAUSE_MILLIS = 50;
    private static final int LONGEST_PAUSE_MILLIS = 1000;
    /** More than two processes that write at the same time need. A store whose write is never accepted would loop for ever. */
    private static final int WRITES = 100;

    private final TcAuth auth;
    private final TokenStore store;
    /** Transient: what writes all fields of an object must not write it. */
    private final transient @Nullable String key;
    private final String family;
    /** Whether this process may have a token that the store does not have. */
    private volatile boolean isUnsaved;
    private final AtomicBoolean isSaving = new AtomicBoolean();

    StoredToken(TcAuth auth, TokenStore store, @Nullable String key) {
        this.auth = auth;
        this.store = store;
        this.key = key;
        family = auth.family();
    }

    /** Runs a task in a thread of its own: those of an executor are not for waiting. */
    static CompletableFuture<Void> start(Runnable task) {
        return CompletableFuture.runAsync(task, run -> {
            Thread thread = new Thread(run, "tc-auth store");
            thread.setDaemon(true);
            thread.start();
        });
    }

    /** Begins. Throws if the key or the family is wrong; a store that does not answer is asked again later. */
    void open() {
        try {
            synchronize();
        } catch (TcAuthException e) {
            throw e;
        } catch (Exception e) {
            isUnsaved = true;
        }
    }

    /** Brings the store and the process to the same token. */
    private void synchronize() throws Exception {
        for (int i = 0; i < WRITES; i++) {
            String old = store.read(family);
            if (old != null && auth.unseal(old, key) != TcAuthUnsealed.OLDER || store.write(family, old, auth.seal(key))) {
                isUnsaved = false;
                return;
            }
        }
        throw new IllegalStateException("TokenStore.write returned false " + WRITES + " times");
    }

    /** Returns whether it worked. If not, {@link #saveLater} tries again. */
    boolean save() {
        try {
            synchronize();
        } catch (Throwable e) { // also an Error of the store, such as a class that is missing
            isUnsaved = true;
        }
        return !isUnsaved;
    }

    /** Before each request: saves what could not be saved before. The request does not wait for that. */
    void saveLater() {
        if (isUnsaved && isSaving.compareAndSet(false, true)) {
            CompletableFuture<Void> saving;
            try {
                saving = start(this::save);
            } catch (Throwable e) { // there is no thread for it: the next request tries again
                isSaving.set(false);
                return;
            }
            saving.whenComplete((ignored, failure) -> isSaving.set(false));
        }
    }

    /**
     * Takes the lock, and synchronizes after that, whatever was read before.
     *
     * @return null if it is over before
     */
    @Nullable AutoCloseable lock(BooleanSupplier isOver) throws Exception {
        long start = System.nanoTime();
        int pause = SHORTEST_PAUSE_MILLIS;
        while (!isOver.getAsBoolean()) {
            AutoCloseable lock = store.tryLock(family);
            if (lock != null) {
                try {
                    synchronize();
                    return lock;
                } catch (Throwable e) {
                    unlock(lock);
                    throw e;
                }
            }
            if (System.nanoTime() - start > PATIENCE.toNanos()) {
                throw new TimeoutException();
            }
            Thread.sleep(pause);
            pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
            save(); // perhaps the process that has the lock has written
        }
        return null;
    }

    static void unlock(AutoCloseable lock) {
        try {
            lock.close();
        } catch (Throwable e) {
            // it ends by itself
        }
    }

    /** Before a request is given up: looks for another token, when no other process is renewing it. */
    void refresh() {
        try {
            AutoCloseable lock = lock(() -> false);
            if (lock != null) {
                unlock(lock);
            }
        } catch (Throwable e) {
            // then there is no other
        }
    }
}
