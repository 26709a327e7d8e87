package io.github.tcauth;

import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.NullUnmarked;

/**
 * Holds the beginning of a response's body until a chooser has read it and chosen the reader. The reader then gets the whole
 * body at its own speed, and the error if the transfer fails.
 *
 * <p>{@link #result} is what the reader makes of the body. java.net.http is told that the body is complete as soon as the
 * headers are. If it waited for the body, it would fail the whole response when the transfer fails, and what has arrived would
 * be lost. If the transfer fails early, java.net.http fails the response nevertheless: the sender of the request must then call
 * {@link #onError} and use the result.
 */
@NullUnmarked // java.net.http does not say where null is allowed
final class HeldBody<T> implements BodySubscriber<T> {
    /** Reads the beginning of a body and chooses the reader. */
    interface Chooser<T> {
        /**
         * Is called once.
         *
         * @param beginning at most as many bytes as the limit
         * @param failure why there is not more, or null if the body is complete or the limit is reached
         * @return the reader, which gets the whole body from its first byte
         */
        CompletionStage<BodySubscriber<T>> choose(byte[] beginning, Throwable failure);
    }

    private final int limit;
    private final Duration patience;
    private final Executor executor;
    private final Chooser<T> chooser;
    private final CompletableFuture<T> result = new CompletableFuture<>();
    /** Cancelled when the chooser is called, because it keeps this body in memory. */
    private final CompletableFuture<Void> timer = new CompletableFuture<>();
    private volatile Flow.Subscription source;

    // The source, the reader and the timer use different threads: "this" guards all fields below.
    private final Queue<List<ByteBuffer>> held = new ArrayDeque<>();
    private int size;
    /** How many lists of buffers were requested from the source and have not arrived. */
    private long expected;
    /** How many lists the reader has requested and not received. */
    private long demand;
    private boolean choosing;
    private BodySubscriber<T> reader;
    private boolean delivering;
    private boolean ended;
    private Throwable error;
    private boolean finished;

    /**
     * The chooser is called when the limit is reached, when the body ends, or when the patience has passed since the headers
     * came, whichever is first. In the last case the executor runs it.
     */
    HeldBody(int limit, Duration patience, Executor executor, Chooser<T> chooser) {
        this.limit = limit;
        this.patience = patience;
        this.executor = executor;
        this.chooser = chooser;
    }

    /** A reader that does not read the body. */
    static <T> BodySubscriber<T> unread(T value) {
        return new Unread<>(value);
    }

    /** What the reader makes of the body, or the failure. It never completes after {@link #cancel}. */
    CompletableFuture<T> result() {
        return result;
    }

    /** Complete at once: see the comment of the class. */
    @Override
    public CompletionStage<T> getBody() {
        return CompletableFuture.completedFuture(null);
    }

    /** Stops reading. The connection is closed, unless the body has ended. */
    void cancel() {
        Flow.Subscription subscription;
        synchronized (this) {
            finished = true;
            held.clear();
            subscription = source;
        }
        timer.cancel(false);
        if (subscription != null) {
            subscription.cancel();
        }
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        boolean unwanted;
        synchronized (this) {
            source = subscription;
            unwanted = finished;
        }
        if (unwanted) {
            subscription.cancel();
            return;
        }
        timer.thenRunAsync(() -> choose(new TimeoutException()), executor);
        timer.completeOnTimeout(null, Threads.nanos(patience), TimeUnit.NANOSECONDS);
        ask();
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        boolean enough;
        boolean isChosen;
        synchronized (this) {
            if (finished) {
                return;
            }
            held.add(buffers);
            size += buffers.stream().mapToInt(ByteBuffer::remaining).sum();
            expected--;
            enough = size >= limit;
            isChosen = choosing;
        }
        if (isChosen) {
            deliver();
        } else if (enough) {
            choose(null);
        } else {
            ask();
        }
    }

    @Override
    public void onComplete() {
        end(null);
    }

    @Override
    public void onError(Throwable throwable) {
        end(throwable);
    }

    private void end(Throwable throwable) {
        synchronized (this) {
            if (ended || finished) {
                return; // java.net.http can report an error more than once
            }
            ended = true;
            error = throwable;
        }
        choose(throwable);
        deliver();
    }

    private void ask() {
        synchronized (this) {
            expected++;
        }
        source.request(1);
    }

    private static long sum(long one, long other) {
        return one + other < 0 ? Long.MAX_VALUE : one + other;
    }

    /** Passes what the chooser or the reader throws to the result; otherwise it would be lost. */
    private void fail(Throwable failure) {
        cancel();
        result.completeExceptionally(failure);
    }

    private void choose(Throwable failure) {
        byte[] beginning;
        synchronized (this) {
            if (choosing || finished) {
                return;
            }
            choosing = true;
            beginning = beginning();
        }
        timer.cancel(false);
        CompletionStage<BodySubscriber<T>> choice;
        try {
            choice = chooser.choose(beginning, failure);
        } catch (Throwable e) {
            fail(e);
            return;
        }
        choice.thenAccept(this::read).exceptionally(e -> {
            fail(e instanceof CompletionException ? e.getCause() : e);
            return null;
        });
    }

    private byte[] beginning() {
        ByteBuffer bytes = ByteBuffer.allocate(Math.min(size, limit));
        for (List<ByteBuffer> buffers : held) {
            for (ByteBuffer buffer : buffers) {
                ByteBuffer copy = buffer.duplicate();
                copy.limit(Math.min(copy.limit(), copy.position() + bytes.remaining()));
                bytes.put(copy);
            }
        }
        return bytes.array();
    }

    private void read(BodySubscriber<T> chosen) {
        chosen.getBody().whenComplete((value, failure) -> {
            if (failure == null) {
                result.complete(value);
            } else {
                result.completeExceptionally(failure);
            }
        });
        chosen.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long n) {
                if (n <= 0) {
                    source.request(n); // an error, which the source reports
                    return;
                }
                synchronized (HeldBody.this) {
                    demand = sum(demand, n);
                }
                deliver();
            }

            @Override
            public void cancel() {
                HeldBody.this.cancel();
            }
        });
        synchronized (this) {
            reader = chosen;
        }
        deliver();
    }

    /** Gives the reader the buffers that it has requested and that are there. One thread at a time does this. */
    private void deliver() {
        synchronized (this) {
            if (reader == null || delivering) {
                return;
            }
            delivering = true;
        }
        while (true) {
            List<ByteBuffer> next = null;
            boolean last = false;
            long missing = 0;
            synchronized (this) {
                if (!finished && !held.isEmpty() && demand > 0) {
                    next = held.remove();
                    demand = demand == Long.MAX_VALUE ? demand : demand - 1;
                } else {
                    last = !finished && held.isEmpty() && ended;
                    finished |= last;
                    missing = finished || !held.isEmpty() ? 0 : Math.max(0, demand - expected);
                    expected = sum(expected, missing);
                    delivering = false;
                }
            }
            if (next != null) {
                try {
                    reader.onNext(next);
                } catch (Throwable e) {
                    fail(e);
                    return;
                }
            } else {
                if (last) {
                    tellReaderOfEnd();
                } else if (missing > 0) {
                    source.request(missing);
                }
                return;
            }
        }
    }

    private void tellReaderOfEnd() {
        try {
            if (error == null) {
                reader.onComplete();
            } else {
                reader.onError(error);
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    private static final class Unread<T> implements BodySubscriber<T> {
        private final T value;

        Unread(T value) {
            this.value = value;
        }

        @Override
        public CompletionStage<T> getBody() {
            return CompletableFuture.completedFuture(value);
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.cancel();
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {
            // nothing was requested
        }

        @Override
        public void onError(Throwable throwable) {
            // the value is known already
        }

        @Override
        public void onComplete() {
            // the value is known already
        }
    }
}
