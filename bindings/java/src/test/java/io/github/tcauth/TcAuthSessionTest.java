package io.github.tcauth;

import static io.github.tcauth.TcAuthTest.assertFails;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.ResourceBundle;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TcAuthSessionTest {
    private static final String API = "https://company.example/api";
    private static final String URL = API + "/v3/indicators?resultLimit=10";
    private static final String NEW_TOKEN = "{\"success\":true,\"apiToken\":\"new\",\"apiTokenExpires\":4000000000}";
    private static final byte[] UNAUTHORIZED = utf8("{\"message\":\"Unauthorized\"}");
    private static final Function<String, List<String>> NO_HEADERS = name -> List.of();

    private final TcAuth hmac = TcAuth.ofHmac("id", "key");
    private final List<String> events = new CopyOnWriteArrayList<>();
    private final List<URI> renewals = new CopyOnWriteArrayList<>();

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private TcAuthSession.Builder options(TcAuth auth) {
        return TcAuthSession.newBuilder(auth).apiPath(API).onEvent(event -> events.add(event.toString()));
    }

    private TcAuthSession session(Instant expires, RenewalTransport transport) {
        return options(TcAuth.ofToken("old", expires)).renewalTransport(counted(transport)).build();
    }

    private RenewalTransport counted(RenewalTransport transport) {
        return (url, timeout) -> {
            renewals.add(url);
            return transport.get(url, timeout);
        };
    }

    private static RenewalTransport answers(RenewalTransport.Response response) {
        return (url, timeout) -> CompletableFuture.completedFuture(response);
    }

    private static RenewalTransport renews() {
        return answers(RenewalTransport.Response.of(200, utf8(NEW_TOKEN)));
    }

    @Test
    void itSignsWhatItCovers() throws Exception {
        TcAuthSession session = options(hmac).build();
        TcAuthHeaders headers = session.sign("get", URL);
        Instant at = Instant.ofEpochSecond(headers.timestamp().getAsLong());
        assertEquals(hmac.headers("GET", "/api/v3/indicators?resultLimit=10", at).authorization(), headers.authorization());
        assertTrue(session.signAsync("GET", URL).join().authorization().startsWith("TC id:"));
        for (String covered : List.of(API, URL, "HTTPS://COMPANY.example:443/other", "https://company.example?q")) {
            assertTrue(session.covers(covered), covered);
        }
        for (String other : List.of("http://company.example/api", "https://company.example:444/api", "https://evil.example/api",
                "https://company.example@evil.example/api", "https://company.example\\@evil.example/", "/api/v3", "", "://",
                "https://company.example.evil.example/")) {
            assertFalse(session.covers(other), other);
            assertThrows(TcAuthException.class, () -> session.sign("GET", other), other);
            assertThrows(CompletionException.class, () -> session.signAsync("GET", other).join(), other);
        }
        assertFails(TcAuthStatus.OTHER_ORIGIN, () -> session.sign("GET", "https://evil.example/"));
        assertFails(TcAuthStatus.INVALID_METHOD, () -> session.sign("G T", URL));
        hmac.close();
        assertThrows(IllegalStateException.class, () -> session.sign("GET", URL));
    }

    @Test
    void oneRequestRenewsWhileTheOthersWait() throws Exception {
        CompletableFuture<RenewalTransport.Response> answer = new CompletableFuture<>();
        TcAuthSession session = session(Instant.now().plusSeconds(1), (url, timeout) -> answer);
        Thread.sleep(1000);
        assertThrows(CompletionException.class, () -> session.signAsync("GET", "https://evil.example/").join());
        assertEquals(List.of(), renewals, "a request to another server causes no renewal");
        List<CompletableFuture<TcAuthHeaders>> signing = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            signing.add(session.signAsync("GET", URL));
        }
        CompletableFuture<TcAuthHeaders> blocking = CompletableFuture.supplyAsync(() -> {
            try {
                return session.sign("GET", URL);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        signing.add(blocking);
        Thread.sleep(100);
        assertTrue(signing.stream().noneMatch(CompletableFuture::isDone));
        byte[] body = utf8(NEW_TOKEN);
        answer.complete(RenewalTransport.Response.of(200, body));
        for (CompletableFuture<TcAuthHeaders> one : signing) {
            assertEquals("TC-Token new", one.get(20, TimeUnit.SECONDS).authorization());
        }
        assertEquals(List.of(URI.create(API + "/appAuth?expiredToken=old")), renewals);
        assertEquals(List.of("TcAuthEvent[RENEWED, status: OK, httpStatus: 200]"), events);
        assertArrayEquals(new byte[body.length], body, "the new token is wiped");
    }

    private static List<RenewalTransport> failing() {
        return List.of(
                (url, timeout) -> {
                    throw new IllegalArgumentException(url.toString());
                },
                (url, timeout) -> CompletableFuture.failedFuture(new EOFException(url.toString())),
                (url, timeout) -> CompletableFuture.supplyAsync(() -> {
                    throw new CompletionException(new EOFException(url.toString()));
                }),
                (url, timeout) -> null,
                (url, timeout) -> new CompletableFuture<>(),
                answers(RenewalTransport.Response.ofPart(200, utf8("{\"success\":true,"), new IOException("old"))),
                answers(RenewalTransport.Response.of(503, utf8("<html>"))));
    }

    @ParameterizedTest
    @CsvSource({"0, failure: IllegalArgumentException", "1, failure: EOFException", "2, failure: EOFException",
        "3, failure: NullPointerException", "4, failure: TimeoutException", "5, failure: IOException",
        "6, 'status: RENEWAL_BAD_RESPONSE, httpStatus: 503'"})
    void aTransportThatFailsCostsNoRequest(int index, String told) throws Exception {
        TcAuthSession session = options(TcAuth.ofToken("old")).renewalTransport(counted(failing().get(index)))
                .renewalTimeout(Duration.ofMillis(1)).build();
        TcAuthHeaders sent = session.sign("GET", URL);
        assertEquals("TC-Token old", session.review(sent, 401, NO_HEADERS, UNAUTHORIZED, true).authorization());
        assertEquals("TC-Token old", session.sign("GET", URL).authorization(), "the next attempt comes after a pause");
        assertEquals("[TcAuthEvent[RENEWAL_FAILED, " + told + "],"
                + " TcAuthEvent[RETRIED, advice: RETRY, httpStatus: 401, request: GET /api/v3/indicators]]", events.toString());
        assertEquals(1, renewals.size());
    }

    @Test
    void aResponseThatBreaksOffAfterTheTokenCounts() throws Exception {
        TcAuthSession session = session(Instant.ofEpochSecond(1),
                answers(RenewalTransport.Response.ofPart(200, utf8(NEW_TOKEN), new EOFException())));
        assertEquals("TC-Token new", session.sign("GET", URL).authorization());
        assertEquals(List.of("TcAuthEvent[RENEWED, status: OK, httpStatus: 200]"), events);
    }

    @Test
    void aRefusalIsSignedAgainOnce() throws Exception {
        TcAuthSession session = session(null, renews());
        TcAuthHeaders first = session.sign("POST", URL);
        assertEquals("TC-Token old", first.authorization());
        assertNull(session.review(first, 200, NO_HEADERS, UNAUTHORIZED, true));
        assertNull(session.review(first, 400, NO_HEADERS, utf8("{\"message\":\"bad TQL\"}"), true));
        assertEquals(List.of(), events);
        TcAuthHeaders second = session.review(first, 401, NO_HEADERS, UNAUTHORIZED, true);
        assertEquals("TC-Token new", second.authorization());
        assertNull(session.review(second, 401, NO_HEADERS, UNAUTHORIZED, false));
        assertEquals(List.of("TcAuthEvent[RENEWED, status: OK, httpStatus: 200]",
                "TcAuthEvent[RETRIED, advice: RETRY, httpStatus: 401, request: POST /api/v3/indicators]",
                "TcAuthEvent[REFUSED, advice: TOKEN_REJECTED, httpStatus: 401, request: POST /api/v3/indicators]"), events);
    }

    @Test
    void aRefusalIsReturnedIfItCanNotBeSignedAgain() throws Exception {
        TcAuthSession session = session(Instant.now().plusSeconds(2),
                answers(RenewalTransport.Response.of(200, utf8("{\"success\":false,\"message\":\"no\"}"))));
        TcAuthHeaders sent = session.sign("GET", URL);
        assertNull(session.review(sent, 401, NO_HEADERS, UNAUTHORIZED, false));
        assertEquals("[TcAuthEvent[REFUSED, advice: RETRY, httpStatus: 401, request: GET /api/v3/indicators]]", events.toString());
        events.clear();
        Thread.sleep(2000);
        assertNull(session.review(sent, 401, NO_HEADERS, UNAUTHORIZED, true), "the token has expired in the meantime");
        assertEquals("[TcAuthEvent[RENEWAL_FAILED, status: RENEWAL_REFUSED, message: no, httpStatus: 200],"
                + " TcAuthEvent[REFUSED, advice: RETRY, httpStatus: 401, request: GET /api/v3/indicators]]", events.toString());
    }

    @Test
    void headersOfUnknownOriginAreReviewedToo() throws Exception {
        TcAuthSession session = session(null, renews());
        TcAuthHeaders sent = TcAuthHeaders.of("TC-Token old", OptionalLong.empty());
        assertNull(session.review(sent, 401, NO_HEADERS, UNAUTHORIZED, true), "nobody knows what to sign");
        assertEquals(List.of("TcAuthEvent[REFUSED, advice: RETRY, httpStatus: 401]"), events);
        assertEquals("TC-Token new", session.sign("GET", URL).authorization());
        assertFails(TcAuthStatus.MALFORMED_AUTHORIZATION, () -> session.review(
                TcAuthHeaders.of("TC id:signature", OptionalLong.of(1)), 401, NO_HEADERS, UNAUTHORIZED, true));
    }

    @ParameterizedTest
    @CsvSource({"https, 1, 0, true", "HTTPS, 1, 0, true", "http, 1, 0, false", "https, 2, 0, false", "https, 0, 0, false",
        "https, 1, 1, false"})
    void theClockIsCorrectedByATrustedDateOnly(String scheme, int dates, int ages, boolean trusted) throws Exception {
        TcAuthSession session = TcAuthSession.newBuilder(hmac).apiPath(scheme + "://company.example/api").build();
        TcAuthHeaders sent = session.sign("GET", scheme + "://company.example/api/a");
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(Instant.now().plusSeconds(3600).atOffset(ZoneOffset.UTC));
        TcAuthHeaders again = session.review(sent, 401, name -> {
            int count = name.equals("Date") ? dates : name.equals("Age") ? ages : 0;
            return List.of(date, date).subList(0, count);
        }, utf8("{\"message\":\"Timestamp out of acceptable time range\"}"), true);
        assertEquals(trusted, again != null);
        if (trusted) {
            assertEquals(3600, again.timestamp().getAsLong() - sent.timestamp().getAsLong(), 10);
        }
    }

    @Test
    void aWaitEnds() throws Exception {
        CompletableFuture<RenewalTransport.Response> answer = new CompletableFuture<>();
        TcAuth auth = TcAuth.ofToken("old", Instant.ofEpochSecond(1));
        TcAuthSession session = options(auth).renewalTransport((url, timeout) -> answer).waitTimeout(Duration.ofMillis(200)).build();
        CompletableFuture<TcAuthHeaders> renewing = session.signAsync("GET", URL);
        assertFails(TcAuthStatus.RENEWAL_TIMEOUT, () -> session.sign("GET", URL));

        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> session.sign("GET", URL));
        assertFalse(Thread.interrupted());

        CompletableFuture<TcAuthHeaders> waiting = session.signAsync("GET", URL);
        assertTrue(waiting.cancel(true));
        assertTrue(renewing.cancel(true), "this ends the wait, but not the renewal");
        answer.complete(RenewalTransport.Response.of(200, utf8(NEW_TOKEN)));
        for (int i = 0; events.isEmpty() && i < 1000; i++) {
            Thread.sleep(10);
        }
        assertEquals("TC-Token new", session.sign("GET", URL).authorization());
    }

    @Test
    void theExecutorCompletesARenewal() throws Exception {
        Set<String> threads = new HashSet<>();
        TcAuthSession session = TcAuthSession.newBuilder(TcAuth.ofToken("old", Instant.ofEpochSecond(1))).apiPath(API)
                .renewalTransport(renews()).onEvent(event -> threads.add(Thread.currentThread().getName()))
                .executor(task -> new Thread(task, "mine").start()).build();
        assertEquals("TC-Token new", session.sign("GET", URL).authorization());
        assertEquals(Set.of("mine"), threads);
    }

    /** The C library knows only that the token has expired. */
    @Test
    void anExpiredTokenSaysWhyItWasNotRenewed() {
        RenewalTransport refuses = answers(RenewalTransport.Response.of(401, UNAUTHORIZED));
        TcAuthSession session = session(Instant.ofEpochSecond(1), refuses);
        TcAuthException failure = assertThrows(TcAuthException.class, () -> session.sign("GET", URL));
        assertEquals(TcAuthStatus.TOKEN_EXPIRED, failure.status());
        assertTrue(failure.getMessage().contains("message: Unauthorized"), failure.getMessage());
        List<String> frames = new ArrayList<>();
        for (StackTraceElement frame : failure.getStackTrace()) {
            frames.add(frame.getMethodName());
        }
        assertTrue(frames.contains("anExpiredTokenSaysWhyItWasNotRenewed"), "the trace names the caller: " + frames);
    }

    /** Such as an OutOfMemoryError, if the machine has no more threads. */
    @Test
    void anExecutorThatFailsHangsNobody() throws Exception {
        for (Throwable failure : List.of(new OutOfMemoryError("no thread"), new IllegalStateException("stopped"))) {
            CompletableFuture<RenewalTransport.Response> answer = new CompletableFuture<>();
            TcAuthSession session = options(TcAuth.ofToken("old", Instant.ofEpochSecond(1)))
                    .renewalTransport((url, timeout) -> answer).executor(task -> TcAuthSessionTest.<Error>sneak(failure)).build();
            CompletableFuture<TcAuthHeaders> renewing = session.signAsync("GET", URL);
            CompletableFuture<TcAuthHeaders> waiting = session.signAsync("GET", URL);
            answer.complete(RenewalTransport.Response.of(503, new byte[0]));
            for (CompletableFuture<TcAuthHeaders> each : List.of(renewing, waiting)) {
                assertThrows(ExecutionException.class, () -> each.get(20, TimeUnit.SECONDS));
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable failure) throws T {
        throw (T) failure;
    }

    @Test
    void aTransportWithoutAResponseIsAFailedRenewal() throws Exception {
        TcAuthSession session = session(Instant.ofEpochSecond(1), answers(null));
        assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> session.sign("GET", URL));
        assertEquals(List.of("TcAuthEvent[RENEWAL_FAILED, failure: NullPointerException]"), events);
    }

    /** With one or two processors, CompletableFuture's own executor would need minutes for them. */
    @Test
    void manyWaitersNeedNoThreadEach() throws Exception {
        CompletableFuture<RenewalTransport.Response> answer = new CompletableFuture<>();
        TcAuthSession session = session(Instant.ofEpochSecond(1), (url, timeout) -> answer);
        List<CompletableFuture<TcAuthHeaders>> waiting = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            waiting.add(session.signAsync("GET", URL));
        }
        answer.complete(RenewalTransport.Response.of(200, utf8(NEW_TOKEN)));
        int mostThreads = 0;
        for (CompletableFuture<TcAuthHeaders> each : waiting) {
            assertEquals("TC-Token new", each.get(50, TimeUnit.SECONDS).authorization());
            mostThreads = Math.max(mostThreads, Thread.activeCount());
        }
        assertTrue(mostThreads < 200, mostThreads + " threads");
    }

    @Test
    void optionsAreChecked() {
        assertFails(TcAuthStatus.API_PATH_MISSING, () -> new TcAuthSession(hmac));
        assertFails(TcAuthStatus.WRONG_KIND, () -> TcAuthSession.newBuilder(hmac).apiPath(API).renewalWindow(Duration.ZERO).build());
        options(hmac).build(); // the same API path again
        assertFails(TcAuthStatus.ALREADY_SET, () -> TcAuthSession.newBuilder(hmac).apiPath(API + "/other").build());
        assertThrows(IllegalArgumentException.class, () -> TcAuthSession.newBuilder(hmac).waitTimeout(Duration.ZERO));
        TcAuthSession.newBuilder(hmac).waitTimeout(ChronoUnit.FOREVER.getDuration());
        for (Duration timeout : List.of(Duration.ZERO, Duration.ofSeconds(-1), Duration.ofSeconds(101))) {
            assertThrows(IllegalArgumentException.class, () -> TcAuthSession.newBuilder(hmac).renewalTimeout(timeout));
        }
        assertEquals("TcAuthSession[" + hmac + "]", new TcAuthSession(hmac).toString());
    }

    /** A program that takes a RequestSigner can be tested without the C library. */
    @Test
    void aSignerCanBeFaked() throws Exception {
        TcAuthHeaders fake = TcAuthHeaders.of("TC-Token fake", OptionalLong.empty());
        RequestSigner signer = new RequestSigner() {
            @Override
            public boolean covers(String url) {
                return true;
            }

            @Override
            public TcAuthHeaders sign(String method, String url) {
                return fake;
            }

            @Override
            public CompletableFuture<TcAuthHeaders> signAsync(String method, String url) {
                return CompletableFuture.completedFuture(fake);
            }

            @Override
            public TcAuthHeaders review(TcAuthHeaders sent, int httpStatus, Function<String, List<String>> headers, byte[] body,
                    boolean canRepeat) {
                return null;
            }

            @Override
            public CompletableFuture<TcAuthHeaders> reviewAsync(TcAuthHeaders sent, int httpStatus,
                    Function<String, List<String>> headers, byte[] body, boolean canRepeat) {
                return CompletableFuture.completedFuture(null);
            }
        };
        assertSame(fake, signer.sign("GET", URL));
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://company.example", "https://company.example?q=/x", "https://company.example/#/x"})
    void anEventHasAPath(String url) {
        TcAuthHeaders sent = TcAuth.ofToken("old").headers("GET", url);
        assertEquals("/", TcAuthEvent.ofAdoption(sent).path());
    }

    @Test
    void eventsGoToALogger() {
        List<String> lines = new ArrayList<>();
        System.Logger logger = new System.Logger() {
            @Override
            public String getName() {
                return "test";
            }

            @Override
            public boolean isLoggable(Level level) {
                return true;
            }

            @Override
            public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
                throw new AssertionError(message);
            }

            @Override
            public void log(Level level, ResourceBundle bundle, String format, Object... params) {
                lines.add(level + " " + format);
            }
        };
        TcAuthHeaders sent = hmac.headers("GET", URL);
        List.of(TcAuthEvent.ofRenewal(TcAuthStatus.OK, null, 200), TcAuthEvent.ofRenewal(TcAuthStatus.STORE_IO, null, 200),
                TcAuthEvent.ofRenewal(TcAuthStatus.RENEWAL_REFUSED, "{0}", 200),
                TcAuthEvent.ofRefusal(TcAuthEvent.Type.REFUSED, TcAuthAdvice.BAD_SIGNATURE, 401, sent),
                TcAuthEvent.ofAdoption(sent)).forEach(TcAuthEvent.logging(logger));
        assertEquals(List.of("INFO TcAuthEvent[RENEWED, status: OK, httpStatus: 200]",
                "WARNING TcAuthEvent[RENEWED, status: STORE_IO, httpStatus: 200]",
                "WARNING TcAuthEvent[RENEWAL_FAILED, status: RENEWAL_REFUSED, message: {0}, httpStatus: 200]",
                "WARNING TcAuthEvent[REFUSED, advice: BAD_SIGNATURE, httpStatus: 401, request: GET /api/v3/indicators]",
                "INFO TcAuthEvent[ADOPTED, request: GET /api/v3/indicators]"), lines);
        assertThrows(NullPointerException.class, () -> TcAuthEvent.logging(null));
    }
}
