package io.github.tcauth;

import static io.github.tcauth.TcAuthTest.assertFails;
import static io.github.tcauth.TestServer.answer;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpHandler;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Authenticator;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TcAuthClientTest {
    private static final String UNAUTHORIZED = "{\"message\":\"Unauthorized\"}";
    private static final HttpHandler NO_RENEWAL = exchange -> answer(exchange, 500, "");
    private static final HttpHandler RENEWS =
            exchange -> answer(exchange, 200, "{\"success\":true,\"apiToken\":\"new\",\"apiTokenExpires\":4000000000}");
    private static final HttpHandler TAKES_NEW_TOKEN = exchange -> {
        boolean isNew = exchange.getRequestHeaders().get("Authorization").equals(List.of("TC-Token new"));
        answer(exchange, isNew ? 200 : 401, isNew ? "welcome" : UNAUTHORIZED);
    };

    private final HttpClient http = HttpClient.newHttpClient();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private TestServer server;
    private TcAuth auth;

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void requestsAreSigned() throws Exception {
        TcAuthClient client = hmacClient(exchange -> {
            TcAuth platform = TcAuth.hmac("id", "key");
            String timestamp = exchange.getRequestHeaders().getFirst("Timestamp");
            platform.verify(exchange.getRequestMethod(), exchange.getRequestURI().toString(),
                    exchange.getRequestHeaders().getFirst("Authorization"), timestamp, Duration.ofMinutes(5));
            int headers = Stream.of("Authorization", "Timestamp").mapToInt(n -> exchange.getRequestHeaders().get(n).size()).sum();
            answer(exchange, 200, headers + " " + exchange.getRequestHeaders().getFirst("X-Other"));
        });
        HttpRequest request = HttpRequest.newBuilder(uri("/api/v3/%7e/a?b=%20c&d=(%22)")).header("Authorization", "mine")
                .header("timestamp", "1").header("X-Other", "stays").method("post", BodyPublishers.ofString("x")).build();
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        assertEquals("200 2 stays", response.statusCode() + " " + response.body());
        assertEquals(List.of("mine"), request.headers().allValues("Authorization"));
        for (String target : List.of("/api", "/api/a?", "/api/a#fragment", "/api/../api//b")) {
            assertEquals(200, client.send(get(target), BodyHandlers.ofString()).statusCode(), target);
        }
        assertTrue(server.requests.get(0).startsWith("POST /api/v3/%7e/a?b=%20c&d=(%22) "), server.requests.get(0));
    }

    @Test
    void aRefusedTokenIsRenewedAndTheRequestSentOnceMore() throws Exception {
        byte[] body = randomBytes(200_000);
        List<byte[]> received = new CopyOnWriteArrayList<>();
        TcAuthClient client = tokenClient(null, exchange -> {
            received.add(exchange.getRequestBody().readAllBytes());
            TAKES_NEW_TOKEN.handle(exchange);
        }, RENEWS);
        AtomicInteger handled = new AtomicInteger();
        BodyHandler<String> counting = info -> {
            handled.incrementAndGet();
            return BodyHandlers.ofString().apply(info);
        };
        HttpRequest request = HttpRequest.newBuilder(uri("/api/a")).POST(BodyPublishers.ofByteArray(body)).build();
        HttpResponse<String> response = client.send(request, counting);
        assertEquals("200 welcome", response.statusCode() + " " + response.body());
        assertEquals(1, handled.get());
        assertEquals(List.of("POST /api/a [TC-Token old]", "POST /api/a [TC-Token new]"), server.requests);
        assertEquals(List.of("GET /api/appAuth?expiredToken=old []"), server.renewals);
        received.forEach(sent -> assertArrayEquals(body, sent));
        assertEquals(2, received.size());
        assertEquals(List.of("renewal OK null"), events);
        assertEquals(1, new HashSet<>(server.ports).size(), "the connection of the refused request is used again");
    }

    @Test
    void itIsSentOnceMoreAndNotTwice() throws Exception {
        TcAuthClient client = tokenClient(null, exchange -> answer(exchange, 401, UNAUTHORIZED), RENEWS);
        assertEquals(UNAUTHORIZED, client.send(get("/api/a"), BodyHandlers.ofString()).body());
        assertEquals(2, server.requests.size());
        assertEquals(List.of("renewal OK null", "refused RETRY 401"), events);
    }

    @Test
    void aBodyThatCanNotBeSentTwiceIsSentOnce() throws Exception {
        TcAuthClient client = tokenClient(null, TAKES_NEW_TOKEN, RENEWS);
        InputStream once = new ByteArrayInputStream(randomBytes(1000));
        HttpRequest request = HttpRequest.newBuilder(uri("/api/a")).POST(BodyPublishers.ofInputStream(() -> once)).build();
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        assertEquals("401 " + UNAUTHORIZED, response.statusCode() + " " + response.body());
        assertEquals(1, server.requests.size());
        assertEquals(200, client.send(get("/api/a"), BodyHandlers.ofString()).statusCode(), "renewed by then");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 3_000_000})
    void theBodyOfARefusalComesWhole(int size) throws Exception {
        byte[] body = randomBytes(size);
        TcAuthClient client = hmacClient(exchange -> answer(exchange, 403, body));
        HttpResponse<byte[]> response = client.send(get("/api/a"), BodyHandlers.ofByteArray());
        assertEquals(403, response.statusCode());
        assertArrayEquals(body, response.body());
        try (InputStream in = client.send(get("/api/a"), BodyHandlers.ofInputStream()).body()) {
            assertArrayEquals(body, in.readAllBytes());
        }
        long lines = new String(body, StandardCharsets.ISO_8859_1).lines().count();
        HttpResponse<Stream<String>> asLines = client.send(get("/api/a"),
                info -> HttpResponse.BodySubscribers.ofLines(StandardCharsets.ISO_8859_1));
        assertEquals(lines, asLines.body().count());
        assertEquals(List.of("refused UNKNOWN 403", "refused UNKNOWN 403", "refused UNKNOWN 403"), events);
    }

    @Test
    void aLongRefusalDoesNotHinderTheRetry() throws Exception {
        String longRefusal = "{\"message\":\"Unauthorized\",\"more\":\"" + "x".repeat(2_000_000) + "\"}";
        TcAuthClient client = tokenClient(null, exchange -> {
            boolean isNew = exchange.getRequestHeaders().get("Authorization").equals(List.of("TC-Token new"));
            answer(exchange, isNew ? 200 : 401, isNew ? "welcome" : longRefusal);
        }, RENEWS);
        assertEquals("welcome", client.send(get("/api/a"), BodyHandlers.ofString()).body());
    }

    @Test
    void aRetryThatCanNotBeSignedLeavesTheFirstResponse() throws Exception {
        Instant expires = Instant.now().plusSeconds(3);
        TcAuthClient client = tokenClient(expires, exchange -> answer(exchange, 401, UNAUTHORIZED), exchange -> {
            sleep(Duration.between(Instant.now(), expires).toMillis() + 50);
            answer(exchange, 200, "{\"success\":false,\"message\":\"no\"}");
        });
        auth.setRenewalWindow(Duration.ZERO);
        HttpResponse<String> response = client.send(get("/api/a"), BodyHandlers.ofString());
        assertEquals("401 " + UNAUTHORIZED, response.statusCode() + " " + response.body());
        assertEquals(List.of("renewal RENEWAL_REFUSED no", "refused RETRY 401"), events);
        assertFails(Status.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        assertEquals(1, server.requests.size());
    }

    @Test
    void aClockIsNotCorrectedWithoutTls() throws Exception {
        TcAuthClient client = hmacClient(exchange -> {
            exchange.getResponseHeaders().set("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
            answer(exchange, 401, "{\"message\":\"Timestamp out of acceptable time range\"}");
        });
        assertEquals(401, client.send(get("/api/a"), BodyHandlers.ofString()).statusCode());
        assertEquals(List.of("refused CLOCK_SKEW 401"), events);
        assertEquals(Duration.ZERO, auth.clockOffset());
    }

    @Test
    void onlyOneOfManyThreadsRenews() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, exchange -> {
            sleep(300);
            RENEWS.handle(exchange);
        });
        List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            responses.add(client.sendAsync(get("/api/a"), BodyHandlers.ofString()));
        }
        for (CompletableFuture<HttpResponse<String>> response : responses) {
            assertEquals(200, response.get().statusCode());
        }
        assertEquals(1, server.renewals.size());
        assertEquals(List.of("renewal OK null"), events);
    }

    @Test
    void aRenewalWithoutAnswerIsNotRepeated() throws Exception {
        TcAuthClient client = tokenClient(null, exchange -> answer(exchange, 200, ""),
                exchange -> exchange.close()); // closes the connection
        assertEquals(200, client.send(get("/api/a"), BodyHandlers.ofString()).statusCode());
        auth.updateToken("due", Instant.ofEpochSecond(1));
        assertFails(Status.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        assertEquals(1, server.renewals.size());
        assertEquals(List.of("renewal null EOFException"), events);
    }

    @Test
    void theAnswerToARenewalIsRead() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN,
                exchange -> answer(exchange, 200, "{\"success\":true,\"apiToken\":\"new\",\"x\":\"" + "x".repeat(2_000_000) + "\"}"));
        assertFails(Status.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        assertEquals(List.of("renewal RENEWAL_BAD_RESPONSE null"), events, "more than 1 MiB is cut off");
    }

    @Test
    void aRedirectIsGivenToTheCaller() throws Exception {
        TcAuthClient client = hmacClient(exchange -> {
            exchange.getResponseHeaders().set("Location", "/api/other");
            answer(exchange, 302, "");
        });
        assertEquals(302, client.send(get("/api/a"), BodyHandlers.discarding()).statusCode());
        assertEquals(1, server.requests.size());
    }

    @Test
    void whatCouldLeakCredentialsIsRefused() throws Exception {
        TcAuthClient client = hmacClient(exchange -> answer(exchange, 200, ""));
        HttpClient following = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
        String said = assertThrows(IllegalArgumentException.class, () -> new TcAuthClient(auth, following)).getMessage();
        assertTrue(said.contains("followRedirects(HttpClient.Redirect.NEVER)"), said);
        assertFails(Status.API_PATH_MISSING, () -> new TcAuthClient(TcAuth.hmac("id", "key"), http));
        URI other = URI.create(server.origin().replace("127.0.0.1", "localhost") + "/api/a");
        assertFails(Status.OTHER_ORIGIN, () -> client.send(HttpRequest.newBuilder(other).build(), BodyHandlers.ofString()));
        assertFails(Status.INVALID_URI_BYTE, () -> client.send(get("/api/ü"), BodyHandlers.ofString()));
        assertEquals(List.of(), server.requests);
    }

    /** If the second part fails on a version before 23, the check in TcAuthClient is not needed there any more. */
    @Test
    void anAuthenticatorMustNotTakeTheHeaderAway() throws Exception {
        hmacClient(exchange -> answer(exchange, 401, UNAUTHORIZED));
        HttpClient asking = HttpClient.newBuilder().authenticator(new Authenticator() { }).build();
        if (Runtime.version().feature() < 23) {
            assertThrows(IllegalArgumentException.class, () -> new TcAuthClient(auth, asking));
            HttpRequest request = HttpRequest.newBuilder(uri("/api/a")).header("Authorization", "mine").build();
            assertThrows(IOException.class, () -> asking.send(request, BodyHandlers.ofString()));
            assertEquals(List.of("GET /api/a []"), server.requests);
        } else {
            assertEquals(401, new TcAuthClient(auth, asking).send(get("/api/a"), BodyHandlers.ofString()).statusCode());
            assertTrue(server.requests.get(0).startsWith("GET /api/a [TC id:"), server.requests.get(0));
        }
    }

    @Test
    void nothingListens() throws Exception {
        TcAuthClient client = hmacClient(exchange -> answer(exchange, 200, ""));
        server.close();
        assertThrows(IOException.class, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        auth.close();
        assertThrows(IllegalStateException.class, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
    }

    @Test
    void aRequestIsCancelled() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        TcAuthClient client = hmacClient(exchange -> {
            arrived.countDown();
            await(over);
            answer(exchange, 200, "x".repeat(10_000_000));
        });
        CompletableFuture<HttpResponse<String>> response = client.sendAsync(get("/api/a"), BodyHandlers.ofString());
        await(arrived);
        response.cancel(true);
        over.countDown();
        assertThrows(CancellationException.class, response::get);
    }

    @Test
    void anInterruptCancels() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        TcAuthClient client = hmacClient(exchange -> await(over));
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        over.countDown();
    }

    @Test
    void aRenewalIsFinishedAlthoughItsRequestIsCancelled() throws Exception {
        CountDownLatch renewing = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, exchange -> {
            renewing.countDown();
            await(over);
            RENEWS.handle(exchange);
        });
        CompletableFuture<HttpResponse<String>> chosen = client.sendAsync(get("/api/chosen"), BodyHandlers.ofString());
        await(renewing);
        CompletableFuture<HttpResponse<String>> waiting = client.sendAsync(get("/api/waiting"), BodyHandlers.ofString());
        CompletableFuture<HttpResponse<String>> patient = client.sendAsync(get("/api/patient"), BodyHandlers.ofString());
        chosen.cancel(true);
        waiting.cancel(true);
        over.countDown();
        assertEquals(200, patient.get().statusCode());
        assertEquals(List.of("GET /api/patient [TC-Token new]"), server.requests);
        assertEquals(1, server.renewals.size());
    }

    private TcAuthClient hmacClient(HttpHandler api) throws IOException {
        return client(TcAuth.hmac("id", "key"), api, NO_RENEWAL);
    }

    private TcAuthClient tokenClient(Instant expires, HttpHandler api, HttpHandler renewal) throws IOException {
        return client(TcAuth.token("old", expires), api, renewal);
    }

    private TcAuthClient client(TcAuth identity, HttpHandler api, HttpHandler renewal) throws IOException {
        server = new TestServer(api, renewal);
        auth = identity;
        auth.setApiPath(server.origin() + "/api");
        return new TcAuthClient(auth, http, new TcAuthClient.Observer() {
            @Override
            public void renewalFinished(Status status, String message) {
                events.add("renewal " + status + " " + message);
            }

            @Override
            public void requestRefused(Advice advice, int httpStatus) {
                events.add("refused " + advice + " " + httpStatus);
            }
        });
    }

    private URI uri(String target) {
        return URI.create(server.origin() + target);
    }

    private HttpRequest get(String target) {
        return HttpRequest.newBuilder(uri(target)).build();
    }

    private static byte[] randomBytes(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(30, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(Math.max(0, millis));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
