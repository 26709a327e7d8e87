package io.github.tcauth;

import static io.github.tcauth.TcAuthTest.assertFails;
import static io.github.tcauth.TestServer.answer;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpHandler;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.CookieManager;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
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
            TcAuth platform = TcAuth.ofHmac("id", "key");
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
        assertEquals(List.of("renewal OK null", "retried RETRY 401"), events);
        assertEquals(1, new HashSet<>(server.ports).size(), "the connection of the refused request is used again");
    }

    @Test
    void itIsSentOnceMoreAndNotTwice() throws Exception {
        TcAuthClient client = tokenClient(null, exchange -> answer(exchange, 401, UNAUTHORIZED), RENEWS);
        assertEquals(UNAUTHORIZED, client.send(get("/api/a"), BodyHandlers.ofString()).body());
        assertEquals(2, server.requests.size());
        assertEquals(List.of("renewal OK null", "retried RETRY 401", "refused TOKEN_REJECTED 401"), events);
    }

    @Test
    void aTokenOfAnotherProcessIsReportedOnce() throws Exception {
        TcAuthClient client = tokenClient(null, exchange -> answer(exchange, 200, ""), RENEWS);
        TcAuth elsewhere = TcAuth.ofToken("old");
        send(client, "/api/first");
        assertEquals(TcAuthUnsealed.SAME, auth.unseal(elsewhere.seal(null), null));
        send(client, "/api/same");
        auth.updateToken("mine", null);
        send(client, "/api/mine");
        auth.updateToken("due", Instant.ofEpochSecond(1));
        send(client, "/api/renewed");
        assertEquals(List.of("renewal OK null"), events);
        for (int i = 0; i < 3; i++) {
            elsewhere.unseal(auth.seal(null), null);
            elsewhere.updateToken("theirs" + i, null);
            assertEquals(TcAuthUnsealed.ADOPTED, auth.unseal(elsewhere.seal(null), null));
            List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
            for (int j = 0; j < 20; j++) {
                all.add(client.sendAsync(get("/api/adopted" + i), BodyHandlers.ofString()));
            }
            for (CompletableFuture<HttpResponse<String>> one : all) {
                one.get(20, TimeUnit.SECONDS);
            }
            assertEquals("GET /api/adopted" + i + " [TC-Token theirs" + i + "]",
                    server.requests.get(server.requests.size() - 1));
        }
        assertEquals(List.of("renewal OK null", "adopted /api/adopted0", "adopted /api/adopted1", "adopted /api/adopted2"),
                events);
    }

    private void send(TcAuthClient client, String target) throws Exception {
        client.send(get(target), BodyHandlers.discarding());
    }

    @Test
    void requestsWaitForTheRenewalOfAnotherProcess(@TempDir Path directory) throws Exception {
        server = new TestServer(TAKES_NEW_TOKEN, NO_RENEWAL);
        auth = TcAuth.ofToken("old", Instant.ofEpochSecond(1));
        auth.setApiPath(server.origin() + "/api");
        TcAuthClient client = TcAuthClient.newBuilder(auth, http).onEvent(this::log).shareIn(directory, "key").build();
        assertFails(TcAuthStatus.ALREADY_SET, () -> TcAuthClient.newBuilder(auth, http).shareIn(directory, "key").build());
        TcAuth elsewhere = TcAuth.ofToken("old", Instant.ofEpochSecond(1));
        elsewhere.setApiPath(server.origin() + "/api");
        elsewhere.shareIn(directory, "key");
        TcAuthRenewal renewal = elsewhere.poll();
        List<CompletableFuture<HttpResponse<String>>> waiting = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            waiting.add(client.sendAsync(get("/api/a"), BodyHandlers.ofString()));
        }
        sleep(500);
        assertEquals(List.of(), server.requests);
        renewal.complete(200, "{\"success\":true,\"apiToken\":\"new\",\"apiTokenExpires\":4000000000}".getBytes());
        for (CompletableFuture<HttpResponse<String>> one : waiting) {
            assertEquals(200, one.get(5, TimeUnit.SECONDS).statusCode());
        }
        assertEquals(List.of(), server.renewals);
        elsewhere.updateToken("newer", null);
        send(client, "/api/newer");
        assertEquals(List.of("adopted /api/newer"), events.subList(0, 1));
    }

    @Test
    void anEventHasWhatIsKnownAndNoSecret() throws Exception {
        List<TcAuthEvent> seen = new CopyOnWriteArrayList<>();
        tokenClient(null, exchange -> answer(exchange, 401, UNAUTHORIZED),
                exchange -> answer(exchange, 200, "{\"success\":false,\"message\":\"no old\"}"));
        HttpRequest request = HttpRequest.newBuilder(uri("/api/a?token=secret")).header("X-Other", "secret").build();
        TcAuthClient.newBuilder(auth, http).onEvent(seen::add).build().send(request, BodyHandlers.discarding());
        assertEquals("[TcAuthEvent[RENEWAL_FAILED, status: RENEWAL_REFUSED, message: no ***, httpStatus: 200],"
                + " TcAuthEvent[RETRIED, advice: RETRY, httpStatus: 401, request: GET /api/a],"
                + " TcAuthEvent[REFUSED, advice: TOKEN_REJECTED, httpStatus: 401, request: GET /api/a]]", seen.toString());
        assertEquals("GET /api/a", seen.get(1).method() + " " + seen.get(1).path());
        TcAuthEvent failed = seen.get(0);
        assertEquals("RENEWAL_FAILED RENEWAL_REFUSED no *** 200 null null null", failed.type() + " " + failed.status() + " "
                + failed.message() + " " + failed.httpStatus() + " " + failed.failure() + " " + failed.advice() + " "
                + failed.path());
        assertEquals("TcAuthEvent[RENEWED, status: STORE_IO, httpStatus: 200]",
                TcAuthEvent.ofRenewal(TcAuthStatus.STORE_IO, null, 200).toString());
        assertEquals("TcAuthEvent[RENEWAL_FAILED, failure: EOFException]",
                TcAuthEvent.ofRenewalWithoutResponse(new EOFException("secret")).toString());
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
        assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
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
        assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        assertEquals(1, server.renewals.size());
        assertEquals(List.of("renewal null EOFException"), events);
    }

    @Test
    void theAnswerToARenewalIsRead() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN,
                exchange -> answer(exchange, 200, "{\"success\":true,\"apiToken\":\"new\",\"x\":\"" + "x".repeat(2_000_000) + "\"}"));
        assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
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
        assertThrows(IllegalArgumentException.class, () -> new TcAuthClient(auth, client.asHttpClient()), "signed twice");
        assertFails(TcAuthStatus.API_PATH_MISSING, () -> new TcAuthClient(TcAuth.ofHmac("id", "key"), http));
        URI other = URI.create(server.origin().replace("127.0.0.1", "localhost") + "/api/a");
        assertFails(TcAuthStatus.OTHER_ORIGIN, () -> client.send(HttpRequest.newBuilder(other).build(), BodyHandlers.ofString()));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> client.send(get("/api/ü"), BodyHandlers.ofString()));
        assertEquals(List.of(), server.requests);
    }

    /** If the first part fails on a version before 24, the check in TcAuthClient is not needed there any more. */
    @Test
    void anAuthenticatorMustNotTakeTheHeaderAway() throws Exception {
        hmacClient(exchange -> answer(exchange, 401, UNAUTHORIZED));
        HttpClient asking = HttpClient.newBuilder().authenticator(new Authenticator() { }).build();
        if (Runtime.version().feature() < 24) {
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
    void aCancelledRequestClosesItsConnection() throws Exception {
        try (Silence silence = new Silence()) {
            TcAuthClient client = new TcAuthClient(silence.identity(), http);
            HttpRequest request = HttpRequest.newBuilder(silence.uri()).build();
            CompletableFuture<HttpResponse<String>> response = client.sendAsync(request, BodyHandlers.ofString());
            await(silence.arrived);
            response.cancel(true);
            assertThrows(CancellationException.class, response::get);
            silence.assertClosed();
        }
    }

    @Test
    void anInterruptClosesTheConnection() throws Exception {
        try (Silence silence = new Silence()) {
            TcAuthClient client = new TcAuthClient(silence.identity(), http);
            HttpRequest request = HttpRequest.newBuilder(silence.uri()).build();
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            Thread sender = new Thread(() -> thrown.complete(
                    assertThrows(InterruptedException.class, () -> client.send(request, BodyHandlers.ofString()))));
            sender.start();
            await(silence.arrived);
            sender.interrupt();
            thrown.get(20, TimeUnit.SECONDS);
            silence.assertClosed();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"handler", "onSubscribe", "onNext", "onComplete"})
    void aReaderThatThrowsFailsTheRequest(String where) throws Exception {
        for (int size : new int[] {100, 200_000}) {
            TcAuthClient client = hmacClient(exchange -> answer(exchange, 403, randomBytes(size)));
            CompletableFuture<HttpResponse<Void>> response =
                    client.sendAsync(get("/api/a"), info -> where.equals("handler") ? null : new Broken(where));
            Throwable thrown = assertThrows(ExecutionException.class, () -> response.get(10, TimeUnit.SECONDS)).getCause();
            assertEquals(where.equals("handler") ? NullPointerException.class : UnsupportedOperationException.class,
                    thrown.getClass());
            server.close();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1000, 64 * 1024, 100_000})
    void aRefusalThatIsCutOffIsAnError(int sent) throws Exception {
        TcAuthClient client = hmacClient(exchange -> {
            exchange.sendResponseHeaders(403, 200_000);
            exchange.getResponseBody().write(randomBytes(sent));
            exchange.getResponseBody().flush();
            throw new IOException("closes the connection");
        });
        assertThrows(IOException.class, () -> client.send(get("/api/a"), BodyHandlers.ofByteArray()));
    }

    /** What has come is the whole new token, and the old one is dead: it must not be lost for what comes behind it. */
    @ParameterizedTest
    @ValueSource(strings = {"no last chunk", "a length one too long", "no end"})
    void aRenewalCountsAlthoughItsTransferFails(String how) throws Exception {
        String json = "{\"success\":true,\"apiToken\":\"new\"}";
        String chunk = "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(json.length()) + "\r\n" + json + "\r\n";
        String response = how.startsWith("a length") ? "Content-Length: " + (json.length() + 1) + "\r\n\r\n" + json
                : chunk;
        try (RawServer raw = new RawServer(request -> request.contains("/appAuth")
                ? new RawServer.Answer("HTTP/1.1 200 x\r\n" + response, how.equals("no end")) : whole(200, ""))) {
            TcAuthClient client = rawClient(raw, Instant.ofEpochSecond(1), Duration.ofSeconds(10), Duration.ofSeconds(1));
            assertEquals(200, client.send(get("/api/a", raw), BodyHandlers.discarding()).statusCode());
            assertEquals(List.of("renewal OK null"), events);
            assertEquals(2, raw.requests.size(), raw.requests::toString);
        }
    }

    /** What has come counts, also if the end comes together with it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRenewalCountsWhereverItIsCutBehindTheJson(boolean chunked) throws Exception {
        String json = "{\"success\":true,\"apiToken\":\"new\"}";
        String response = "HTTP/1.1 200 x\r\n" + (!chunked ? "Content-Length: " + (json.length() + 1) + "\r\n\r\n" + json
                : "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(json.length()) + "\r\n" + json + "\r\n0\r\n\r\n");
        int enough = response.indexOf('}') + 1;
        int[] length = new int[1];
        try (RawServer raw = new RawServer(request -> request.contains("/appAuth")
                ? new RawServer.Answer(response.substring(0, length[0]), false) : whole(200, ""))) {
            for (length[0] = 0; length[0] <= response.length(); length[0]++) {
                TcAuthClient client = rawClient(raw, Instant.ofEpochSecond(1), Duration.ofSeconds(10), Duration.ofSeconds(30));
                if (length[0] < enough) {
                    assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(get("/api/a", raw), BodyHandlers.discarding()));
                } else {
                    assertEquals(200, client.send(get("/api/a", raw), BodyHandlers.discarding()).statusCode());
                }
                assertEquals(length[0] >= enough ? "new" : "old", auth.token().value(), length[0] + " " + events);
            }
            assertEquals(response.length() + 1, raw.requests.stream().filter(r -> r.contains("/appAuth")).count());
        }
    }

    /** With a handler that streams, the caller gets the response, and the error from its body. */
    @Test
    void aRefusalThatIsCutIsAResponse() throws Exception {
        try (RawServer raw = new RawServer(request -> begun("{\"message\":\"Access Denied\"}", false))) {
            TcAuthClient client = rawClient(raw, null, Duration.ofSeconds(10), Duration.ofSeconds(30));
            for (int i = 0; i < 50; i++) {
                HttpResponse<InputStream> response = client.send(get("/api/a", raw), BodyHandlers.ofInputStream());
                assertEquals("401 1000 GET HTTP_1_1", response.statusCode() + " "
                        + response.headers().firstValue("Content-Length").get() + " " + response.request().method() + " "
                        + response.version());
                try (InputStream in = response.body()) {
                    assertThrows(IOException.class, in::readAllBytes);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCancelledRequestClosesTheConnectionOfARefusal(boolean reviewed) throws Exception {
        try (RawServer raw = new RawServer(request -> begun("x", true))) {
            TcAuth hmac = TcAuth.ofHmac("id", "key");
            hmac.setApiPath(raw.origin() + "/api");
            TcAuthClient client = TcAuthClient.newBuilder(hmac, http).onEvent(this::log)
                    .reviewTimeout(Duration.ofMillis(reviewed ? 1 : 60_000)).renewalTimeout(Duration.ofSeconds(30)).build();
            CompletableFuture<HttpResponse<String>> response = client.sendAsync(get("/api/a", raw), BodyHandlers.ofString());
            for (int i = 0; i < 1000 && (raw.requests.isEmpty() || reviewed && events.isEmpty()); i++) {
                sleep(10);
            }
            sleep(100); // until the headers have come; if they have not, this tests less
            response.cancel(true);
            raw.awaitEnd();
        }
    }

    /** java.net.http fails a 401 if an authenticator has nothing to say to it. But the platform's word counts. */
    @ParameterizedTest
    @ValueSource(strings = {"", "WWW-Authenticate: Basic realm=\"x\"\r\n", "Proxy-Authenticate: Basic realm=\"x\"\r\n"})
    @EnabledForJreRange(min = JRE.JAVA_24) // before, no authenticator is taken
    void anAuthenticatorDoesNotHideThatARenewalIsRefused(String challenge) throws Exception {
        String json = "{\"success\":false,\"message\":\"no\"}";
        HttpClient answering = HttpClient.newBuilder().authenticator(new Authenticator() { }).build();
        for (int status : new int[] {401, 407}) {
            events.clear();
            try (RawServer raw = new RawServer(request -> new RawServer.Answer("HTTP/1.1 " + status + " x\r\n" + challenge
                    + "Content-Length: " + json.length() + "\r\n\r\n" + json, true))) {
                rawClient(raw, Instant.ofEpochSecond(1), Duration.ofSeconds(10), Duration.ofSeconds(30));
                TcAuthClient client = observed(answering);
                assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(get("/api/a", raw), BodyHandlers.discarding()));
                assertEquals(List.of("renewal RENEWAL_REFUSED no"), events, status + " " + challenge);
                assertEquals(1, raw.requests.size());
            }
        }
    }

    /** They may keep a log, and the token is in the query. */
    @Test
    void noProxySelectorSeesTheToken() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        HttpClient choosing = HttpClient.newBuilder().proxy(new ProxySelector() {
            @Override
            public List<Proxy> select(URI uri) {
                seen.add(uri.toString());
                return List.of(Proxy.NO_PROXY);
            }

            @Override
            public void connectFailed(URI uri, SocketAddress address, IOException failure) {
                seen.add(uri.toString());
            }
        }).build();
        tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, RENEWS);
        assertEquals(200, new TcAuthClient(auth, choosing).send(get("/api/a"), BodyHandlers.discarding()).statusCode());
        assertEquals(List.of(server.origin() + "/api/appAuth", server.origin() + "/api/a"), seen);
    }

    @Test
    void aRenewalGoesThroughTheProxy() throws Exception {
        try (RawServer proxy = new RawServer(request -> request.contains("/appAuth")
                ? whole(200, "{\"success\":true,\"apiToken\":\"new\"}") : whole(200, ""))) {
            TcAuthClient client = proxied(HttpClient.newBuilder(), proxy);
            client.send(HttpRequest.newBuilder(URI.create("http://company.example/api/a")).build(), BodyHandlers.discarding());
            assertEquals(List.of("renewal OK null"), events);
            assertTrue(proxy.requests.get(0).startsWith("GET http://company.example/api/appAuth?expiredToken=old HTTP/1.1\n"));
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24) // before, no authenticator is taken
    void anAuthenticatorForAProxyDoesNotSeeTheToken() throws Exception {
        List<String> asked = new CopyOnWriteArrayList<>();
        Authenticator answering = new Authenticator() {
            @Override
            protected PasswordAuthentication getPasswordAuthentication() {
                asked.add(getRequestorType() + " " + getRequestingURL());
                return new PasswordAuthentication("user", "password".toCharArray());
            }
        };
        try (RawServer proxy = new RawServer(request -> new RawServer.Answer(
                "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", true))) {
            TcAuthClient client = proxied(HttpClient.newBuilder().authenticator(answering), proxy);
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://company.example/api/a")).build();
            assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(request, BodyHandlers.discarding()));
            assertEquals(List.of("PROXY http://company.example/api/appAuth"), asked);
            assertEquals(1, proxy.requests.size(), "sent once");
        }
    }

    private TcAuthClient proxied(HttpClient.Builder builder, RawServer proxy) {
        auth = TcAuth.ofToken("old", Instant.ofEpochSecond(1));
        auth.setApiPath("http://company.example/api");
        URI address = URI.create(proxy.origin());
        return observed(builder.proxy(ProxySelector.of(
                new InetSocketAddress(address.getHost(), address.getPort()))).build());
    }

    /** A renewal shows a server nothing but its URL, and takes nothing from it but the token. */
    @Test
    void aRenewalHasNoCookiesAndAConnectionOfItsOwn() throws Exception {
        List<String> cookies = new CopyOnWriteArrayList<>();
        HttpClient sociable = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).cookieHandler(new CookieHandler() {
            @Override
            public Map<String, List<String>> get(URI uri, Map<String, List<String>> headers) {
                cookies.add("get " + uri.getPath());
                return Map.of("Cookie", List.of("session=1"));
            }

            @Override
            public void put(URI uri, Map<String, List<String>> headers) {
                cookies.add("put " + uri.getPath());
            }
        }).build();
        try (RawServer raw = new RawServer(request -> request.contains("/appAuth")
                ? new RawServer.Answer("HTTP/1.1 200 x\r\nSet-Cookie: a=b\r\nContent-Length: 33\r\n\r\n"
                        + "{\"success\":true,\"apiToken\":\"new\"}", true) : whole(200, ""))) {
            rawClient(raw, Instant.ofEpochSecond(1), Duration.ofSeconds(10), Duration.ofSeconds(30));
            observed(sociable).send(get("/api/a", raw), BodyHandlers.discarding());
            assertEquals(List.of("renewal OK null"), events);
            assertEquals(List.of("get /api/a", "put /api/a"), cookies);
            String renewal = raw.requests.get(0).toLowerCase();
            assertTrue(renewal.startsWith("get /api/appauth?expiredtoken=old http/1.1\n"), renewal);
            assertFalse(renewal.matches("(?s).*(upgrade|http2|authorization|cookie).*"), renewal);
            assertTrue(raw.requests.get(1).contains("Upgrade: h2c"), "the client of this test wants HTTP/2");
            assertEquals(2, raw.connections());
        }
    }

    /** It fails the request that it was called for; the others go on. */
    @Test
    void aListenerThatThrowsFailsOneRequest() throws Exception {
        tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, RENEWS);
        TcAuthClient client = TcAuthClient.newBuilder(auth, http).onEvent(event -> {
            throw new UnsupportedOperationException("mine");
        }).build();
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(client.sendAsync(get("/api/a"), BodyHandlers.ofString())
                    .handle((response, failure) -> failure == null ? response.body() : failure.getMessage()));
        }
        List<String> outcomes = new ArrayList<>();
        for (CompletableFuture<String> one : all) {
            outcomes.add(one.get(20, TimeUnit.SECONDS));
        }
        assertEquals(1, outcomes.stream().filter("mine"::equals).count(), outcomes::toString);
        assertEquals(19, outcomes.stream().filter("welcome"::equals).count(), outcomes::toString);
        auth.updateToken("refused", null);
        client.sendAsync(get("/api/a"), BodyHandlers.ofString()).handle((response, failure) -> null).get(20, TimeUnit.SECONDS);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRefusalThatIsCutOrSlowIsReviewed(boolean slow) throws Exception {
        try (RawServer raw = new RawServer(request -> request.contains("/appAuth")
                ? whole(200, "{\"success\":true,\"apiToken\":\"new\"}")
                : request.contains("TC-Token new") ? whole(200, "") : begun(UNAUTHORIZED, slow))) {
            TcAuthClient client = rawClient(raw, null, Duration.ofMillis(300), Duration.ofSeconds(30));
            assertEquals(200, client.send(get("/api/a", raw), BodyHandlers.ofString()).statusCode());
            assertEquals(List.of("renewal OK null", "retried RETRY 401"), events);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRefusalThatIsCutOrSlowReachesTheCallerAsFarAsItComes(boolean slow) throws Exception {
        String denied = "{\"message\":\"Access Denied\"}";
        try (RawServer raw = new RawServer(request -> begun(denied, slow))) {
            TcAuthClient client = rawClient(raw, null, Duration.ofMillis(300), Duration.ofSeconds(30));
            List<String> seen = new CopyOnWriteArrayList<>();
            assertThrows(IOException.class, () -> client.send(get("/api/a", raw), BodyHandlers.ofByteArrayConsumer(part -> {
                part.ifPresent(bytes -> seen.add(new String(bytes, StandardCharsets.UTF_8)));
                raw.dropConnections();
            })));
            assertEquals(List.of(denied), seen);
            assertEquals(List.of("refused ACCESS_DENIED 401"), events);
        }
    }

    private static RawServer.Answer whole(int status, String body) {
        return new RawServer.Answer("HTTP/1.1 " + status + " x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body, true);
    }

    /** The beginning of a longer refusal; then nothing more comes, or the connection ends. */
    private static RawServer.Answer begun(String body, boolean slow) {
        return new RawServer.Answer("HTTP/1.1 401 x\r\nContent-Length: 1000\r\n\r\n" + body, slow);
    }

    private TcAuthClient rawClient(RawServer raw, Instant expires, Duration reviewTimeout, Duration renewalTimeout) {
        auth = TcAuth.ofToken("old", expires);
        auth.setApiPath(raw.origin() + "/api");
        return TcAuthClient.newBuilder(auth, http).onEvent(this::log).reviewTimeout(reviewTimeout)
                .renewalTimeout(renewalTimeout).build();
    }

    private static HttpRequest get(String target, RawServer raw) {
        return HttpRequest.newBuilder(URI.create(raw.origin() + target)).build();
    }

    @Test
    void aRequestToAnotherServerCausesNoRenewal() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, RENEWS);
        HttpRequest foreign = HttpRequest.newBuilder(URI.create("http://evil.example/api/a")).build();
        assertFails(TcAuthStatus.OTHER_ORIGIN, () -> client.send(foreign, BodyHandlers.discarding()));
        assertEquals(List.of(), server.renewals);
    }

    /** The JDK allows a Host header only with a system property, which it reads once; so the request is of our own class. */
    @Test
    void aHostHeaderThatNamesAnotherServerIsRefused() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, RENEWS);
        for (String host : List.of("evil.example", "127.0.0.1:1")) {
            assertFails(TcAuthStatus.OTHER_ORIGIN, () -> client.send(withHost(host), BodyHandlers.discarding()));
        }
        for (String host : List.of("evil.example?", "u:p@evil.example", "evil.example/", "evil.example#", "evil.example\\")) {
            assertFails(TcAuthStatus.INVALID_URI_FORM, () -> client.send(withHost(host), BodyHandlers.discarding()));
        }
        assertEquals(List.of(), server.renewals);
        assertEquals(List.of(), server.requests);
    }

    private HttpRequest withHost(String host) {
        HttpRequest request = get("/api/a");
        return new HttpRequest() {
            @Override
            public Optional<HttpRequest.BodyPublisher> bodyPublisher() {
                return request.bodyPublisher();
            }

            @Override
            public String method() {
                return request.method();
            }

            @Override
            public Optional<Duration> timeout() {
                return request.timeout();
            }

            @Override
            public boolean expectContinue() {
                return request.expectContinue();
            }

            @Override
            public URI uri() {
                return request.uri();
            }

            @Override
            public Optional<HttpClient.Version> version() {
                return request.version();
            }

            @Override
            public HttpHeaders headers() {
                return HttpHeaders.of(Map.of("host", List.of(host)), (name, value) -> true);
            }
        };
    }

    @Test
    void theSettingsOfTheRequestAreKept() throws Exception {
        TcAuthClient client = hmacClient(exchange -> answer(exchange, 200, ""));
        HttpRequest request = HttpRequest.newBuilder(uri("/api/a")).timeout(Duration.ofSeconds(17))
                .version(HttpClient.Version.HTTP_1_1).expectContinue(true).POST(BodyPublishers.ofString("x")).build();
        HttpRequest signed = client.send(request, BodyHandlers.discarding()).request();
        assertEquals(request.timeout(), signed.timeout());
        assertEquals(request.version(), signed.version());
        assertTrue(signed.expectContinue());
        assertFalse(client.send(get("/api/a"), BodyHandlers.discarding()).request().expectContinue());
    }

    @Test
    void aRequestWithoutBodyStaysSo() throws Exception {
        TcAuthClient client = hmacClient(exchange -> answer(exchange, 200, ""));
        HttpRequest delete = HttpRequest.newBuilder(uri("/api/a")).DELETE().build();
        for (HttpRequest request : List.of(delete, get("/api/a"))) {
            HttpRequest signed = client.send(request, BodyHandlers.discarding()).request();
            assertEquals(request.method(), signed.method());
            assertEquals(Optional.empty(), signed.bodyPublisher());
        }
    }

    @Test
    void anIdentityThatIsClosedMeanwhileLosesNoResponse() throws Exception {
        TcAuthClient client = hmacClient(exchange -> {
            auth.close();
            answer(exchange, 403, "no");
        });
        assertEquals("no", client.send(get("/api/a"), BodyHandlers.ofString()).body());
        assertEquals(List.of("refused UNKNOWN 403"), events);
    }

    @Test
    void afterTheTimeoutOfARenewalTheExecutorGoesOn() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, exchange -> {
            exchange.sendResponseHeaders(200, 100);
            exchange.getResponseBody().flush();
            await(over);
        });
        ExecutorService mine = Executors.newFixedThreadPool(3, task -> new Thread(task, "mine"));
        List<String> seen = new CopyOnWriteArrayList<>();
        TcAuthClient client = TcAuthClient.newBuilder(auth, HttpClient.newBuilder().executor(mine).build())
                .onEvent(event -> seen.add(event.failure() + " " + Thread.currentThread().getName()))
                .reviewTimeout(Duration.ofSeconds(10)).renewalTimeout(Duration.ofMillis(500)).build();
        CompletableFuture<Object> after = client.sendAsync(get("/api/a"), BodyHandlers.ofString())
                .handle((response, failure) -> seen.add(Thread.currentThread().getName()));
        after.get(20, TimeUnit.SECONDS);
        over.countDown();
        mine.shutdown();
        assertEquals(List.of("TimeoutException mine", "mine"), seen);
    }

    @Test
    void aRequestThatCanNotWaitFails() throws Exception {
        tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, RENEWS);
        HttpClient rejecting = HttpClient.newBuilder().executor(task -> {
            throw new RejectedExecutionException();
        }).build();
        try (TcAuthRenewal renewal = auth.poll()) {
            assertTrue(renewal.url().startsWith(server.origin()));
            CompletableFuture<HttpResponse<String>> response =
                    new TcAuthClient(auth, rejecting).sendAsync(get("/api/a"), BodyHandlers.ofString());
            Throwable thrown =
                    assertThrows(ExecutionException.class, () -> response.get(10, TimeUnit.SECONDS)).getCause();
            assertEquals(RejectedExecutionException.class, thrown.getClass());
        }
    }

    @Test
    void manyRequestsWaitForATicketOfSomebodyElse() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, NO_RENEWAL);
        List<CompletableFuture<HttpResponse<String>>> waiting = new ArrayList<>();
        try (TcAuthRenewal renewal = auth.poll()) {
            for (int i = 0; i < 200; i++) {
                waiting.add(client.sendAsync(get("/api/a"), BodyHandlers.ofString()));
            }
            sleep(500);
            assertEquals(List.of(), server.requests);
            renewal.complete(200, "{\"success\":true,\"apiToken\":\"new\",\"apiTokenExpires\":4000000000}".getBytes());
        }
        for (CompletableFuture<HttpResponse<String>> response : waiting) {
            assertEquals(200, response.get(20, TimeUnit.SECONDS).statusCode());
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_22) // before, the collector does it
    void nothingStaysOfARenewal() throws Exception {
        TcAuthClient client = tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, RENEWS);
        long before = selectors();
        assertEquals(200, client.send(get("/api/a"), BodyHandlers.ofString()).statusCode());
        for (int i = 0; i < 200 && selectors() > before; i++) {
            sleep(10);
        }
        assertTrue(selectors() <= before);
    }

    /** The threads of HttpClients; that of a test's own has been started with it. */
    private static long selectors() {
        return Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().contains("SelectorManager")).count();
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24) // before, no authenticator is taken
    void aRenewalShowsAServerNoPassword() throws Exception {
        tokenClient(Instant.ofEpochSecond(1), TAKES_NEW_TOKEN, exchange -> {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"x\"");
            answer(exchange, 401, "");
        });
        AtomicInteger asked = new AtomicInteger();
        HttpClient answering = HttpClient.newBuilder().authenticator(new Authenticator() {
            @Override
            protected PasswordAuthentication getPasswordAuthentication() {
                asked.incrementAndGet();
                return new PasswordAuthentication("user", "password".toCharArray());
            }
        }).build();
        TcAuthClient client = new TcAuthClient(auth, answering);
        assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> client.send(get("/api/a"), BodyHandlers.ofString()));
        assertEquals(0, asked.get());
        assertEquals(1, server.renewals.size());
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
        return client(TcAuth.ofHmac("id", "key"), api, NO_RENEWAL);
    }

    private TcAuthClient tokenClient(Instant expires, HttpHandler api, HttpHandler renewal) throws IOException {
        return client(TcAuth.ofToken("old", expires), api, renewal);
    }

    private TcAuthClient client(TcAuth identity, HttpHandler api, HttpHandler renewal) throws IOException {
        server = new TestServer(api, renewal);
        auth = identity;
        auth.setApiPath(server.origin() + "/api");
        return observed(http);
    }

    private TcAuthClient observed(HttpClient client) {
        return TcAuthClient.newBuilder(auth, client).onEvent(this::log).build();
    }

    private void log(TcAuthEvent event) {
        switch (event.type()) {
            case RENEWED:
            case RENEWAL_FAILED:
                events.add("renewal " + event.status() + " " + (event.failure() == null ? event.message() : event.failure()));
                break;
            case ADOPTED:
                events.add("adopted " + event.path());
                break;
            default:
                events.add(event.type().name().toLowerCase() + " " + event.advice() + " " + event.httpStatus());
        }
    }

    @Test
    void asHttpClientItSignsAndHasTheSettings() throws Exception {
        HttpClient mine = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(7)).executor(Runnable::run)
                .version(HttpClient.Version.HTTP_1_1).cookieHandler(new CookieManager()).proxy(HttpClient.Builder.NO_PROXY).build();
        server = new TestServer(TAKES_NEW_TOKEN, RENEWS);
        auth = TcAuth.ofToken("old");
        TcAuthClient sender = TcAuthClient.newBuilder(auth, mine).apiPath(server.origin() + "/api").onEvent(this::log).build();
        HttpClient client = sender.asHttpClient();
        assertEquals("welcome", client.send(get("/api/a"), BodyHandlers.ofString()).body());
        assertEquals("welcome", client.sendAsync(get("/api/a"), BodyHandlers.ofString()).get().body());
        assertEquals("welcome", client.sendAsync(get("/api/a"), BodyHandlers.ofString(), null).get().body());
        assertEquals(List.of("renewal OK null", "retried RETRY 401"), events);
        assertThrows(UnsupportedOperationException.class,
                () -> client.sendAsync(get("/api/a"), BodyHandlers.ofString(), (first, pushed, accept) -> {
                }));
        assertThrows(UnsupportedOperationException.class, client::newWebSocketBuilder);
        assertFails(TcAuthStatus.OTHER_ORIGIN, () -> client.send(HttpRequest.newBuilder(URI.create("http://localhost:1/")).build(),
                BodyHandlers.ofString()));
        List<Function<HttpClient, Object>> settings = List.of(HttpClient::connectTimeout, HttpClient::executor,
                HttpClient::version, HttpClient::cookieHandler, HttpClient::proxy, HttpClient::authenticator,
                HttpClient::followRedirects, HttpClient::sslContext, each -> each.sslParameters().getProtocols().length);
        settings.forEach(setting -> assertEquals(setting.apply(mine), setting.apply(client)));
        assertEquals(sender + ".asHttpClient()", client.toString());
    }

    /** As try-with-resources does. What the caller owns goes on. */
    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void asHttpClientItsCloseEndsNothing() throws Exception {
        TcAuthClient sender = tokenClient(null, exchange -> answer(exchange, 200, "welcome"), NO_RENEWAL);
        HttpClient client = sender.asHttpClient();
        HttpClient.class.getMethod("close").invoke(client);
        assertEquals("welcome", client.send(get("/api/a"), BodyHandlers.ofString()).body());
        assertEquals("welcome", sender.send(get("/api/a"), BodyHandlers.ofString()).body());
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

    /** A server that never answers, and sees the client close the connection. */
    private static final class Silence implements AutoCloseable {
        final CountDownLatch arrived = new CountDownLatch(1);
        private final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
        private final CompletableFuture<Integer> read = CompletableFuture.supplyAsync(this::read);

        Silence() throws IOException { }

        private int read() {
            try (Socket socket = listener.accept()) {
                socket.setSoTimeout(20_000);
                InputStream in = socket.getInputStream();
                for (String end = ""; !end.equals("\r\n\r\n");) {
                    end = (end.length() < 4 ? end : end.substring(1)) + (char) in.read();
                }
                arrived.countDown();
                return in.read();
            } catch (SocketException e) {
                return -1; // a reset closes it, too
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        URI uri() {
            return URI.create("http://127.0.0.1:" + listener.getLocalPort() + "/api/a");
        }

        TcAuth identity() {
            TcAuth identity = TcAuth.ofHmac("id", "key");
            identity.setApiPath(uri().resolve("/api").toString());
            return identity;
        }

        void assertClosed() throws Exception {
            assertEquals(-1, read.get(20, TimeUnit.SECONDS));
        }

        @Override
        public void close() throws IOException {
            listener.close();
        }
    }

    /** Reads nothing and throws. */
    private static final class Broken implements BodySubscriber<Void> {
        private final String where;

        Broken(String where) {
            this.where = where;
        }

        private void reach(String here) {
            if (here.equals(where)) {
                throw new UnsupportedOperationException(here);
            }
        }

        @Override
        public CompletionStage<Void> getBody() {
            return new CompletableFuture<>();
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            reach("onSubscribe");
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {
            reach("onNext");
        }

        @Override
        public void onError(Throwable throwable) {
            throw new AssertionError(throwable);
        }

        @Override
        public void onComplete() {
            reach("onComplete");
        }
    }
}
