package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Nothing is freed while a call is running, and everything is freed once. */
class LifetimeTest {
    private static final int THREADS = 6;
    private static final Instant AT = Instant.ofEpochSecond(1513703787);
    private static final String SIGNED = "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=";

    @Test
    void handlesThatNobodyKeepsServeManyThreads() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        Thread collector = new Thread(() -> {
            while (!stop.get()) {
                System.gc();
            }
        });
        collector.start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
        try {
            inThreads(() -> {
                do {
                    assertEquals(SIGNED, hmac().headers("GET", "/api/v3/indicators", AT).authorization());
                    hmac().verify("GET", "/api/v3/indicators", SIGNED, "1513703787", AT, Duration.ZERO);
                    assertEquals("/a/b", TcUrl.of("/a").addSegment("b").string());
                    assertTrue(due().poll().url().startsWith("https://company.example/api/appAuth?"));
                } while (System.nanoTime() < end);
                return null;
            });
        } finally {
            stop.set(true);
            collector.join();
        }
    }

    @Test
    void aHandleThatNobodyKeepsIsFreedAfterTheCallAndNotDuringIt() throws InterruptedException {
        for (int i = 0; i < 30_000; i++) {
            callUnreachable(false); // compiled code keeps nothing alive for longer than it is used
        }
        assertFreed(1, callUnreachable(true));
    }

    private static AtomicInteger callUnreachable(boolean collect) {
        AtomicInteger freed = new AtomicInteger();
        new Handle(TcAuth.class, 4711, address -> freed.incrementAndGet()).call(address -> {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
            while (collect && System.nanoTime() < end) {
                System.gc();
            }
            assertEquals(0, freed.get());
            return 0;
        });
        return freed;
    }

    private static void assertFreed(int count, AtomicInteger freed) throws InterruptedException {
        for (int i = 0; i < 500 && freed.get() < count; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertEquals(count, freed.get());
    }

    @Test
    void whatIsNeverClosedIsFreedOnce() throws InterruptedException {
        AtomicInteger freed = new AtomicInteger();
        for (int i = 0; i < 100; i++) {
            new Handle(TcAuth.class, 4711, address -> freed.incrementAndGet());
        }
        assertFreed(100, freed);
    }

    @Test
    void closeWaitsForTheLastCallToFree() {
        AtomicLong freed = new AtomicLong();
        Handle handle = new Handle(TcAuth.class, 4711, freed::addAndGet);
        assertEquals(4711, handle.enter());
        assertEquals(4711, handle.enter());
        handle.close();
        assertThrows(IllegalStateException.class, handle::enter);
        assertThrows(IllegalStateException.class, handle::take);
        handle.exit();
        assertEquals(0, freed.get());
        handle.exit();
        assertEquals(4711, freed.get());
        handle.close();
        assertEquals(4711, freed.get());
    }

    @Test
    void whatIsTakenIsNotFreed() {
        AtomicLong freed = new AtomicLong();
        Handle handle = new Handle(TcAuthRenewal.class, 4711, freed::addAndGet);
        assertEquals(4711, handle.take());
        handle.close();
        assertThrows(IllegalStateException.class, handle::take);
        assertEquals(0, freed.get());
    }

    @Test
    void closeWhileOtherThreadsCall() throws Exception {
        for (int round = 0; round < 200; round++) {
            TcAuth auth = hmac();
            AtomicInteger signed = new AtomicInteger();
            ExecutorService closer = Executors.newSingleThreadExecutor();
            closer.submit(() -> {
                while (signed.get() < 20) {
                    Thread.onSpinWait();
                }
                auth.close();
            });
            inThreads(() -> {
                assertThrows(IllegalStateException.class, () -> {
                    for (;;) {
                        assertEquals(SIGNED, auth.headers("GET", "/api/v3/indicators", AT).authorization());
                        signed.incrementAndGet();
                    }
                });
                return null;
            });
            closer.shutdown();
        }
    }

    @Test
    void aRenewalIsGivenBackByOneOfManyThreads() throws Exception {
        for (int round = 0; round < 200; round++) {
            TcAuth auth = due(); // closed at the end, so not collected before
            TcAuthRenewal renewal = auth.poll();
            AtomicInteger completed = new AtomicInteger();
            inThreads(() -> {
                try {
                    renewal.complete(500, new byte[0]);
                } catch (TcAuthException e) {
                    completed.incrementAndGet();
                } catch (IllegalStateException e) {
                    assertEquals("This TcAuthRenewal is closed", e.getMessage());
                }
                return null;
            });
            assertEquals(1, completed.get());
            auth.close();
        }
    }

    private static TcAuth hmac() {
        return TcAuth.ofHmac("12345678901234567890", "tc_auth-example-secret");
    }

    private static TcAuth due() {
        TcAuth auth = TcAuth.ofToken("t", Instant.ofEpochSecond(1));
        auth.setApiPath("https://company.example/api");
        return auth;
    }

    private static void inThreads(Callable<Void> work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Void>> results = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                results.add(threads.submit(work));
            }
            for (Future<Void> result : results) {
                result.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
