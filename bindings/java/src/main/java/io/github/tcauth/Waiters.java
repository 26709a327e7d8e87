package io.github.tcauth;

import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Those that wait for the end of a renewal. They wait here and not in C, which would block the carrier of a virtual thread, and
 * could not be interrupted. All are woken when this process ends a renewal or gets another token. Nothing tells it that another
 * process has done so, or that a ticket has expired: so one of them is woken from time to time to look.
 */
final class Waiters {
    /** The time between two looks is random, at least this and less than twice this. */
    private static final long LOOK_MILLIS = 50;

    private final Queue<CompletableFuture<Void>> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean isTimed = new AtomicBoolean();

    /** What completes when it is time to poll again. Add it before the poll that says to wait: then no end is missed. */
    CompletableFuture<Void> add() {
        CompletableFuture<Void> turn = new CompletableFuture<>();
        waiting.add(turn);
        wakeOneLater();
        return turn;
    }

    void remove(CompletableFuture<Void> turn) {
        waiting.remove(turn);
    }

    /** Wakes those that are here now. They can come back before the last one is woken. */
    void wakeAll() {
        for (int left = waiting.size(); left > 0; left--) {
            wakeOne();
        }
    }

    private void wakeOne() {
        CompletableFuture<Void> turn;
        do {
            turn = waiting.poll();
        } while (turn != null && !turn.complete(null)); // one that is complete waits no longer
    }

    private void wakeOneLater() {
        if (isTimed.compareAndSet(false, true)) {
            long delay = LOOK_MILLIS + ThreadLocalRandom.current().nextLong(LOOK_MILLIS);
            // The timer's only thread wakes: what depends on a turn must only hand over to another thread.
            CompletableFuture.delayedExecutor(delay, TimeUnit.MILLISECONDS, Runnable::run).execute(() -> {
                isTimed.set(false);
                wakeOne();
                if (!waiting.isEmpty()) {
                    wakeOneLater();
                }
            });
        }
    }
}
