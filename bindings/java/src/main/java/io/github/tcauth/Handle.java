package io.github.tcauth;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.function.LongToIntFunction;

/**
 * The address of a C object. The object is freed exactly once: by close(), or when its owner has become unreachable. A call
 * that is running delays that.
 */
final class Handle {
    private static final Cleaner CLEANER = Cleaner.create();

    private final State state;
    private final Cleaner.Cleanable cleanable;

    /** The name of the owner is used in messages. */
    Handle(Class<?> owner, long address, LongConsumer free) {
        state = new State(owner, address, free);
        cleanable = CLEANER.register(this, state);
    }

    /** The address, valid until exit(). */
    long enter() {
        try {
            return state.enter();
        } finally {
            Reference.reachabilityFence(this); // the cleaner must not run before the call is counted
        }
    }

    void exit() {
        state.exit();
    }

    /** Calls a function that returns a number. */
    int call(LongToIntFunction function) {
        long address = enter();
        try {
            return function.applyAsInt(address);
        } finally {
            exit();
        }
    }

    /** Calls a function that returns a status, which is checked. */
    void check(LongToIntFunction function) {
        TcAuthException.check(call(function));
    }

    /** Returns the address and closes the handle: the caller must free the object. No other call may be running. */
    long take() {
        long address = state.take();
        cleanable.clean();
        return address;
    }

    void close() {
        cleanable.clean();
    }

    /**
     * Counts the running calls in steps of CALL, next to the bit CLOSED. It must not refer to the handle, which would then
     * never become unreachable.
     */
    private static final class State implements Runnable {
        private static final int CLOSED = 1;
        private static final int CALL = 2;

        private final AtomicInteger calls = new AtomicInteger();
        private final Class<?> owner;
        private final long address;
        private final LongConsumer free;

        State(Class<?> owner, long address, LongConsumer free) {
            this.owner = owner;
            this.address = address;
            this.free = free;
        }

        long enter() {
            int now;
            do {
                now = calls.get();
                if ((now & CLOSED) != 0) {
                    throw closed();
                }
            } while (!calls.compareAndSet(now, now + CALL));
            return address;
        }

        void exit() {
            if (calls.addAndGet(-CALL) == CLOSED) {
                free.accept(address);
            }
        }

        long take() {
            if (!calls.compareAndSet(0, CLOSED)) {
                throw closed();
            }
            return address;
        }

        private IllegalStateException closed() {
            return new IllegalStateException("This " + owner.getSimpleName() + " is closed");
        }

        @Override
        public void run() {
            if (calls.getAndUpdate(now -> now | CLOSED) == 0) {
                free.accept(address);
            }
        }
    }
}
