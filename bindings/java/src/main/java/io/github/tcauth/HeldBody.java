package io.github.tcauth;

import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.function.Function;

/**
 * Holds back the beginning of a response's body until somebody has looked at it and named the reader, which then gets
 * the whole body, as fast as it asks for it.
 */
final class HeldBody<T> implements BodySubscriber<T> {
    private enum State { HOLDING, CHOOSING, DELIVERING, READING }

    private final int limit;
    private final Function<byte[], CompletionStage<BodySubscriber<T>>> chooser;
    private final CompletableFuture<T> result = new CompletableFuture<>();
    private final List<ByteBuffer> held = new ArrayList<>();
    private int size;
    private Flow.Subscription source;
    private BodySubscriber<T> reader;

    // The source, and the threads of the reader, come at the same time; these are guarded by this.
    private State state = State.HOLDING;
    private long demand;
    private boolean ended;
    private Throwable error;

    /** The chooser gets the first bytes, as many as the limit says at most, and names the reader. */
    HeldBody(int limit, Function<byte[], CompletionStage<BodySubscriber<T>>> chooser) {
        this.limit = limit;
        this.chooser = chooser;
    }

    /** A reader that leaves the rest of the body unread. */
    static <T> BodySubscriber<T> unread(T value) {
        return new Unread<>(value);
    }

    @Override
    public CompletionStage<T> getBody() {
        return result;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        source = subscription;
        source.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        if (isReading()) {
            try {
                reader.onNext(buffers);
            } catch (Throwable e) {
                fail(e);
            }
            return;
        }
        held.addAll(buffers);
        size += buffers.stream().mapToInt(ByteBuffer::remaining).sum();
        if (size < limit) {
            source.request(1);
        } else {
            choose();
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

    private synchronized boolean isReading() {
        return state == State.READING;
    }

    private void end(Throwable throwable) {
        State before;
        synchronized (this) {
            ended = true;
            error = throwable;
            before = state;
        }
        if (before == State.READING) {
            tellReaderOfEnd();
        } else if (before == State.HOLDING && throwable != null) {
            result.completeExceptionally(throwable);
        } else if (before == State.HOLDING) {
            choose();
        } // else the reader hears of it once it has what is held
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

    /** Whatever the chooser or the reader throws, or else nobody would hear of it. */
    private void fail(Throwable failure) {
        source.cancel();
        result.completeExceptionally(failure);
    }

    private void choose() {
        synchronized (this) {
            state = State.CHOOSING;
        }
        CompletionStage<BodySubscriber<T>> choice;
        try {
            choice = chooser.apply(beginning());
        } catch (Throwable e) {
            fail(e);
            return;
        }
        choice.thenAccept(this::read).exceptionally(failure -> {
            fail(failure instanceof CompletionException ? failure.getCause() : failure);
            return null;
        });
    }

    private byte[] beginning() {
        ByteBuffer bytes = ByteBuffer.allocate(Math.min(size, limit));
        for (ByteBuffer buffer : held) {
            ByteBuffer copy = buffer.duplicate();
            copy.limit(Math.min(copy.limit(), copy.position() + bytes.remaining()));
            bytes.put(copy);
        }
        return bytes.array();
    }

    private void read(BodySubscriber<T> chosen) {
        reader = chosen;
        reader.getBody().whenComplete((value, failure) -> {
            if (failure == null) {
                result.complete(value);
            } else {
                result.completeExceptionally(failure);
            }
        });
        reader.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long n) {
                if (isReading()) {
                    source.request(n);
                } else {
                    deliver(n);
                }
            }

            @Override
            public void cancel() {
                source.cancel();
            }
        });
        if (held.isEmpty()) {
            deliver(0); // an empty body ends without being asked for
        }
    }

    /** Gives what is held to the reader, in one piece; what it asks for meanwhile waits until it has that. */
    private void deliver(long n) {
        synchronized (this) {
            demand = demand + n < 0 ? Long.MAX_VALUE : demand + n;
            if (state != State.CHOOSING) {
                return;
            }
            state = State.DELIVERING;
        }
        if (!held.isEmpty()) {
            try {
                reader.onNext(List.copyOf(held));
            } catch (Throwable e) {
                fail(e);
                return;
            }
        }
        boolean finished;
        long more;
        synchronized (this) {
            state = State.READING;
            finished = ended;
            more = demand - 1;
        }
        if (finished) {
            tellReaderOfEnd();
        } else if (more > 0) {
            source.request(more);
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
            // comes only if somebody asks
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
