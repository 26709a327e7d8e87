package io.github.tcauth;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads, and how long they wait. The executor of sessions that were given none. That of {@link java.util.concurrent.CompletableFuture} makes a thread for each
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

    /** How long to wait: not negative, and for ever is more than a long has. */
    static long nanos(Duration patience) {
        Duration longest = Duration.ofNanos(Long.MAX_VALUE);
        return patience.isNegative() ? 0 : patience.compareTo(longest) > 0 ? Long.MAX_VALUE : patience.toNanos();
    }
}
