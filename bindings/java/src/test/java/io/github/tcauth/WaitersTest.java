package io.github.tcauth;

import static io.github.tcauth.TcAuthTest.assertFails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** Callers that wait for a renewal: what wakes them, and what they cost. */
@Timeout(30)
class WaitersTest {
    private static final byte[] RENEWED =
            "{\"success\":true,\"apiToken\":\"new\",\"apiTokenExpires\":4000000000}".getBytes(StandardCharsets.UTF_8);
    private static final Duration LONG = Duration.ofSeconds(20);
    /** If only looks woke these, it would take longer, because each look wakes one. */
    private static final int MANY = 100;
    private static final long SOON_MILLIS = 2000;

    private final TcAuth auth = due();

    private static TcAuth due() {
        TcAuth auth = TcAuth.ofToken("old", Instant.ofEpochSecond(1));
        auth.setApiPath("https://company.example/api");
        return auth;
    }

    private interface End {
        void run() throws Exception;
    }

    /** Lets many threads wait, and returns what each of them got, or its exception. */
    private List<Object> afterWait(End end) throws Exception {
        List<FutureTask<Object>> waiting = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            waiting.add(inThread(() -> auth.poll(LONG)));
        }
        Thread.sleep(300);
        waiting.forEach(waiter -> assertFalse(waiter.isDone(), "it has to wait"));
        long start = System.nanoTime();
        end.run();
        List<Object> results = new ArrayList<>();
        for (FutureTask<Object> waiter : waiting) {
            try {
                results.add(waiter.get());
            } catch (ExecutionException e) {
                results.add(e.getCause());
            }
        }
        assertSoonAfter(start);
        return results;
    }

    private static FutureTask<Object> inThread(Callable<Object> call) {
        FutureTask<Object> task = new FutureTask<>(call);
        new Thread(task).start();
        return task;
    }

    /** Checks that all are woken, and not by one of them that looks. */
    private void assertWakesAll(End end) throws Exception {
        List<CompletableFuture<Void>> turns = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            turns.add(auth.pollAgain(new TcAuthRenewal[1]));
        }
        long start = System.nanoTime();
        end.run();
        CompletableFuture.allOf(turns.toArray(new CompletableFuture<?>[0])).get(LONG.toSeconds(), TimeUnit.SECONDS);
        assertSoonAfter(start);
    }

    private static void assertSoonAfter(long start) {
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis < SOON_MILLIS, "woken after " + millis + " ms");
    }

    @Test
    void aResponseLetsAllGoOn() throws Exception {
        TcAuthRenewal renewal = auth.poll();
        afterWait(() -> renewal.complete(200, RENEWED)).forEach(result -> assertNull(result));
        assertEquals("new", auth.token().value());
    }

    /** Nothing in this process wakes those that wait: one looks, and tells all. */
    @Test
    void aResponseInAnotherProcessLetsAllGoOn(@TempDir Path directory) throws Exception {
        TcAuth elsewhere = due();
        elsewhere.shareIn(directory, null);
        auth.shareIn(directory, null);
        TcAuthRenewal renewal = elsewhere.poll();
        afterWait(() -> renewal.complete(200, RENEWED)).forEach(result -> assertNull(result));
        assertEquals("new", auth.token().value());
    }

    @Test
    void closingEndsTheWait() throws Exception {
        try (TcAuthRenewal renewal = auth.poll()) {
            afterWait(auth::close).forEach(result -> assertEquals(IllegalStateException.class, result.getClass()));
            assertFalse(renewal.isNeeded());
        }
    }

    @Test
    void aResponseWakesAll() throws Exception {
        TcAuthRenewal renewal = auth.poll();
        assertWakesAll(() -> renewal.complete(200, RENEWED));
    }

    @Test
    void aRefusalWakesAll() throws Exception {
        TcAuthRenewal renewal = auth.poll();
        assertWakesAll(() -> assertFails(TcAuthStatus.RENEWAL_REFUSED,
                () -> renewal.complete(200, "{\"success\":false}".getBytes(StandardCharsets.UTF_8))));
    }

    @Test
    void aCancelledTicketWakesAll() throws Exception {
        TcAuthRenewal renewal = auth.poll();
        assertWakesAll(renewal::cancel);
    }

    @Test
    void aTicketThatNobodyKeepsWakesAll() throws Exception {
        auth.poll();
        assertWakesAll(System::gc);
    }

    @Test
    void anotherTokenWakesAll() throws Exception {
        try (TcAuthRenewal renewal = auth.poll()) {
            assertWakesAll(() -> auth.updateToken("other", null));
            assertFalse(renewal.isNeeded());
        }
    }

    @Test
    void anUnsealedTokenWakesAll() throws Exception {
        TcAuth elsewhere = due();
        elsewhere.poll().complete(200, RENEWED);
        try (TcAuthRenewal renewal = auth.poll()) {
            assertWakesAll(() -> auth.unseal(elsewhere.seal(null), null));
            assertFalse(renewal.isNeeded());
        }
    }

    @Test
    void closingWakesAll() throws Exception {
        try (TcAuthRenewal renewal = auth.poll()) {
            assertWakesAll(auth::close);
            assertFalse(renewal.isNeeded());
        }
    }

    @Test
    void aWaitEndsAfterItsTimeAndByAnInterrupt() throws Exception {
        try (TcAuthRenewal renewal = auth.poll()) {
            long start = System.nanoTime();
            assertFails(TcAuthStatus.RENEWAL_TIMEOUT, () -> auth.poll(Duration.ofMillis(300)));
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(millis >= 300 && millis < SOON_MILLIS, millis + " ms");
            assertFails(TcAuthStatus.RENEWAL_TIMEOUT, () -> auth.poll(Duration.ZERO));
            assertFails(TcAuthStatus.RENEWAL_TIMEOUT, auth::poll);
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> auth.poll(LONG));
            assertTrue(renewal.isNeeded());
        }
    }

    /** Only a look can wake them: nothing here says that the turn has come. */
    @Test
    void oneIsWokenFromTimeToTime() throws Exception {
        Waiters waiters = new Waiters();
        AtomicInteger looks = new AtomicInteger();
        long start = System.nanoTime();
        CountDownLatch first = new CountDownLatch(MANY);
        for (int i = 0; i < MANY; i++) {
            look(waiters, looks, first);
        }
        Thread.sleep(1500);
        double seconds = (System.nanoTime() - start) / 1e9;
        int seen = looks.get();
        assertTrue(seen >= 5 && seen <= 20 * seconds + 1, seen + " looks of " + MANY + " waiters in " + seconds + " s");
        while (first.getCount() > 0) {
            waiters.wakeAll();
        }
        assertTrue(first.await(1, TimeUnit.SECONDS));
    }

    private static void look(Waiters waiters, AtomicInteger looks, CountDownLatch first) {
        CompletableFuture<Void> turn = waiters.add();
        turn.thenRun(() -> {
            looks.incrementAndGet();
            first.countDown();
            if (first.getCount() > 0) {
                look(waiters, looks, first);
            }
        });
    }

    /** The program of a process with two carriers. */
    static final class Carriers {
        public static void main(String[] args) throws Exception {
            TcAuth auth = due();
            AtomicInteger signed = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                threads.add((Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, (Runnable) () -> {
                    try {
                        TcAuthRenewal renewal = auth.poll(Duration.ofSeconds(10));
                        if (renewal != null) {
                            Thread.sleep(300);
                            renewal.complete(200, RENEWED);
                        }
                        auth.headers("GET", "/");
                        signed.incrementAndGet();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                }));
            }
            long start = System.nanoTime();
            for (Thread thread : threads) {
                thread.join();
            }
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            System.out.println(signed + " signed " + (millis < 5000 ? "soon" : "after " + millis + " ms"));
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void virtualThreadsThatWaitLeaveTheirCarriersToOthers() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djdk.virtualThreadScheduler.parallelism=2", "-Djdk.virtualThreadScheduler.maxPoolSize=2",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                Carriers.class.getName()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals("20 signed soon", said.strip());
    }
}
