package io.github.tcauth;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The executor of sessions that were given none. That of {@link java.util.concurrent.CompletableFuture} makes a thread for each
 * task if the machine has one or two processors: 10,000 requests that wait for a renewal would go on in 10,000 threads, which
 * takes minutes.
 */
final class Threads {
    /** Many, because the caller's own continuations run here, too, and may wait. */
    private static final int MOST = 100;
    private static final long IDLE_SECONDS = 10;

    private static final ThreadPoolExecutor POOL = new ThreadPoolExecutor(MOST, MOST, IDLE_SECONDS, TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(), Threads::thread);

    static {
        POOL.allowCoreThreadTimeOut(true);
    }

    private Threads() {
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "tc-auth");
        thread.setDaemon(true);
        thread.setContextClassLoader(Threads.class.getClassLoader()); // that of the first caller may have to be unloaded
        return thread;
    }

    static Executor pool() {
        return POOL;
    }
}
