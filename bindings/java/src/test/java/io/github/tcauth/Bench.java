package io.github.tcauth;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The time of signing one request, and the bytes that it takes from the heap, beside the way that Java programs usually do it.
 * Prints a Markdown table. The other calls come below: a token in place of a key pair, and what a client calls before it signs.
 */
final class Bench {
    private static final String ACCESS_ID = "12345678901234567890";
    private static final String SECRET_KEY = "tc_auth-example-secret";
    private static final String URI =
            "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";
    private static final String URL = "https://company.example" + URI;
    private static final Instant TOMORROW = Instant.now().plus(Duration.ofDays(1));
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int ROUNDS = 60;
    private static final int WARM_UP_ROUNDS = 20;
    private static final int REQUESTS = 20_000;

    /** What the results come to, so that no compiler can leave out the work. */
    private static long sum;

    private Bench() {
    }

    private interface Candidate {
        /** Some number that depends on the headers. */
        int sign() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        if (URI.length() != 84) {
            throw new AssertionError(URI.length());
        }
        try (TcAuth auth = TcAuth.ofHmac(ACCESS_ID, SECRET_KEY);
                TcAuth token = TcAuth.ofToken("API:5:a-token-of-sixty-characters-as-the-platform-makes-them-now", TOMORROW)) {
            token.setApiPath("https://company.example/api");
            auth.setApiPath("https://company.example/api");
            TcAuthSession session = new TcAuthSession(auth);
            TcAuthSession tokenSession = new TcAuthSession(token);
            Candidate[] candidates = {Bench::usualWay, () -> tcAuth(auth), () -> token.headers("GET", URI).authorization().length(),
                () -> token.poll() == null ? 1 : 0, () -> auth.poll() == null ? 1 : 0,
                () -> session.sign("GET", URL).authorization().length(), () -> tokenSession.sign("GET", URL).authorization().length()};
            long[][] nanos = new long[candidates.length][ROUNDS];
            long[] bytes = new long[candidates.length];
            for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
                for (int i = 0; i < candidates.length; i++) {
                    long before = THREADS.getCurrentThreadAllocatedBytes();
                    long taken = time(candidates[i]);
                    bytes[i] = (THREADS.getCurrentThreadAllocatedBytes() - before) / REQUESTS;
                    if (round >= 0) {
                        nanos[i][round] = taken;
                    }
                }
            }
            System.out.printf("Java %s, %d rounds of %d requests each; nanoseconds per request (sum %x)%n%n",
                    Runtime.version(), ROUNDS, REQUESTS, sum);
            System.out.println("| candidate | minimum | median | bytes | usual way / this (minima) |");
            System.out.println("| --- | --- | --- | --- | --- |");
            String[] names = {"javax.crypto.Mac, the usual way", "tc_auth by " + Bridge.technique(), "the same, with a token",
                "poll, with a token", "poll, with a key pair", "a session, with a key pair", "a session, with a token"};
            for (int i = 0; i < candidates.length; i++) {
                System.out.printf(Locale.ROOT, "| %s | %.0f | %.0f | %d | %s |%n", names[i], minimum(nanos[i]), median(nanos[i]),
                        bytes[i], i > 1 ? "" : String.format(Locale.ROOT, "%.2f", minimum(nanos[0]) / minimum(nanos[i])));
            }
        }
    }

    private static long time(Candidate candidate) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < REQUESTS; i++) {
            sum += candidate.sign();
        }
        return System.nanoTime() - start;
    }

    private static int tcAuth(TcAuth auth) {
        TcAuthHeaders headers = auth.headers("GET", URI);
        return use(headers.authorization(), Long.toString(headers.timestamp().getAsLong()));
    }

    private static int usualWay() throws Exception {
        String timestamp = Long.toString(System.currentTimeMillis() / 1000);
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET_KEY.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        byte[] signature = mac.doFinal((URI + ":" + "GET" + ":" + timestamp).getBytes(StandardCharsets.UTF_8));
        String authorization = "TC " + ACCESS_ID + ":" + Base64.getEncoder().encodeToString(signature);
        return use(authorization, timestamp);
    }

    private static int use(String authorization, String timestamp) {
        return authorization.charAt(authorization.length() - 2) + timestamp.charAt(timestamp.length() - 1);
    }

    private static double minimum(long[] nanos) {
        return (double) Arrays.stream(nanos).min().getAsLong() / REQUESTS;
    }

    private static double median(long[] nanos) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return (double) sorted[sorted.length / 2] / REQUESTS;
    }
}
