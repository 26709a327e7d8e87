package io.github.tcauth;

import java.security.SecureRandom;
import java.util.function.IntSupplier;

/** What a TcAuth knows about changes of its token: who waits for one, and which token came from another process. */
final class Changes {
    private static final long SEED = new SecureRandom().nextLong();
    private static final long FACTOR = new SecureRandom().nextLong() | 1;

    final Waiters waiters = new Waiters();

    /** The calls that change the token and are running. */
    private int running;
    /** The changes that have ended or were noticed. */
    private long count;
    /** Whether the last fingerprint is that of the current token. */
    private boolean isKnown;
    private long last;

    /** Makes a call that gives the TcAuth a token of this process. Returns its status. */
    int make(IntSupplier call) {
        synchronized (this) {
            running++;
        }
        int status = TcAuthStatus.PANIC.value();
        try {
            status = call.getAsInt();
        } finally {
            synchronized (this) {
                running--;
                count++;
                isKnown &= status != TcAuthStatus.OK.value() && status != TcAuthStatus.STORE_IO.value();
            }
            waiters.wakeAll();
        }
        return status;
    }

    synchronized long count() {
        return count;
    }

    /**
     * Whether the token that was just used for the first time came from another process. The second argument is count() from
     * before the headers were made: if there was a change since, the token may be an older one.
     */
    boolean isAdopted(String authorization, long before) {
        long fingerprint = fingerprint(authorization);
        synchronized (this) {
            if (running > 0 || count != before || isKnown && last == fingerprint) {
                return false;
            }
            boolean isAdopted = isKnown;
            isKnown = true;
            last = fingerprint;
            count++;
            return isAdopted;
        }
    }

    /** A keyed hash, so that no copy of the token is kept, and none of its bytes are copied to make it. */
    private static long fingerprint(String text) {
        long hash = SEED;
        for (int i = 0; i < text.length(); i++) {
            hash = Long.rotateLeft((hash ^ text.charAt(i)) * FACTOR, 29);
        }
        return hash;
    }
}
