package io.github.tcauth;

import static io.github.tcauth.TestServer.answer;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import example.ApacheAuthorization;
import example.OkHttpAuthorization;
import example.SpringAuthorization;
import feign.Request.Options;
import feign.http2client.Http2Client;
import io.github.tcauth.testing.FakePlatform;
import io.github.tcauth.testing.FakePlatform.Answer;
import io.github.tcauth.testing.FakePlatform.Fault;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.zip.GZIPOutputStream;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.impl.ChainElement;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestTemplate;

/** What the clients of other projects do that the README warns of. The suite of all bindings tests the rest. */
@Timeout(60)
class ClientsTest {
    private static final List<TestedClient.Factory> FACTORIES = List.of(new Clients.OkHttp(), new Clients.Apache(),
            new Clients.Rest(), new Clients.RestInterceptor(), new Clients.Web(), new Clients.Feign());

    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    private final FakePlatform platform = new FakePlatform();
    private final List<String> events = new CopyOnWriteArrayList<>();
    /** Another server. */
    private TestServer elsewhere;

    @BeforeEach
    void start() throws IOException {
        elsewhere = new TestServer(exchange -> answer(exchange, 200, "elsewhere"), exchange -> answer(exchange, 500, ""));
    }

    @AfterEach
    void stop() {
        elsewhere.close();
        platform.close();
    }

    private String otherUrl() {
        return elsewhere.origin() + "/api/a";
    }

    /** Redirects to the URL in the query. Everything else is verified. */
    private static TestServer redirecting(TcAuth auth) throws IOException {
        TestServer server = new TestServer(exchange -> {
            if (exchange.getRequestURI().getPath().equals("/api/redirect")) {
                exchange.getResponseHeaders().set("Location", exchange.getRequestURI().getQuery());
                answer(exchange, 302, "");
                return;
            }
            String refusal = "welcome";
            try {
                auth.verify("GET", exchange.getRequestURI().toString(), exchange.getRequestHeaders().getFirst("Authorization"),
                        exchange.getRequestHeaders().getFirst("Timestamp"), Duration.ofMinutes(5));
            } catch (TcAuthException e) {
                refusal = e.status().name();
            }
            answer(exchange, 200, refusal);
        }, exchange -> answer(exchange, 500, ""));
        auth.setApiPath(server.origin() + "/api");
        return server;
    }

    private TcAuthClient sender(TcAuth auth) {
        return TcAuthClient.newBuilder(auth, http).onEvent(event -> events.add(event.type() + " " + event.advice())).build();
    }

    private URI url(String path) {
        return URI.create(platform.apiPath() + path);
    }

    /** A client with the README's interceptor, which follows redirects unless the README forbids it. */
    private static OkHttpClient okHttp(RequestSigner signer, boolean followRedirects) {
        return new OkHttpClient.Builder().addInterceptor(new OkHttpAuthorization(signer)).followRedirects(followRedirects).build();
    }

    private static CloseableHttpClient apache(RequestSigner signer) {
        return HttpClients.custom()
                .addExecInterceptorBefore(ChainElement.COMPRESS.name(), "tc-auth", new ApacheAuthorization(signer)).build();
    }

    private static String get(CloseableHttpClient client, String url) throws IOException {
        return client.execute(new HttpGet(url), response -> response.getCode() + " "
                + (response.getEntity() == null ? "" : EntityUtils.toString(response.getEntity())));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void theyRenewAndRepeat(int index) throws Exception {
        TestedClient client = FACTORIES.get(index).make(sender(platform.tokenAuth()), null);
        platform.answer("POST", "/v3/tags", request -> Answer.of(201, request.body()));
        platform.expireTokens();
        TestedClient.Answer answer = client.send("POST", url("/v3/tags"), "a body".getBytes(StandardCharsets.UTF_8), true);
        assertEquals("201 a body", answer.status + " " + new String(answer.body, StandardCharsets.UTF_8));
        assertEquals(List.of("RENEWED null", "RETRIED RETRY"), events);
        platform.fail(Fault.ACCESS_DENIED);
        answer = client.send("GET", url("/v3/tags?a=1"), null, true);
        assertEquals("403 {\"status\":\"Failure\",\"message\":\"Access Denied\"}",
                answer.status + " " + new String(answer.body, StandardCharsets.UTF_8));
        assertEquals(List.of("REFUSED ACCESS_DENIED"), events.subList(2, 3));
        Exception failure = assertThrows(Exception.class, () -> client.send("GET", URI.create(otherUrl()), null, true));
        assertEquals(TcAuthStatus.OTHER_ORIGIN, ((TcAuthException) TestedClient.reason(failure)).status());
        assertEquals(List.of(), elsewhere.requests);
    }

    /** OkHttp and Apache send the "?" of an empty query, and java.net.http does not. What is sent must be what is signed. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4, 5})
    void anEmptyQueryIsSignedAsItIsSent(int index) throws Exception {
        TestedClient client = FACTORIES.get(index).make(sender(platform.hmacAuth()), null);
        assertEquals(200, client.send("GET", url("/v3/tags?"), null, true).status, platform.refused()::toString);
    }

    /** SpringAuthorization signs the URL that it sees; it can't know that java.net.http will change it. */
    @Test
    void anEmptyQueryIsRefusedAfterSpringsInterceptor() throws Exception {
        TestedClient client = new Clients.RestInterceptor().make(sender(platform.hmacAuth()), null);
        assertEquals(401, client.send("GET", url("/v3/tags?"), null, true).status);
        assertEquals(List.of("Signature data did not match expected result"), platform.refused());
    }

    @Test
    void springTemplatesAreEncodedBeforeTheyAreSigned() {
        String tql = "typeName in (\"Host\") and summary like \"%é+\"";
        for (RestClient client : List.of(
                RestClient.builder()
                        .requestFactory(new JdkClientHttpRequestFactory(sender(platform.hmacAuth()).asHttpClient())).build(),
                RestClient.builder().requestFactory(new JdkClientHttpRequestFactory(http))
                        .requestInterceptor(new SpringAuthorization(sender(platform.hmacAuth()).session())).build())) {
            assertEquals("{\"status\":\"Success\"}",
                    client.get().uri(platform.apiPath() + "/v3/indicators?tql={tql}", tql).retrieve().body(String.class));
        }
        assertEquals(List.of(), platform.refused());
    }

    @Test
    void springsInterceptorCanHaveOthersAroundIt() {
        List<String> seen = new CopyOnWriteArrayList<>();
        RestTemplate template = new RestTemplate(new JdkClientHttpRequestFactory(http));
        template.getInterceptors().add((request, body, execution) -> {
            seen.add("before " + request.getHeaders().getFirst("Authorization"));
            return execution.execute(request, body);
        });
        template.getInterceptors().add(new SpringAuthorization(sender(platform.tokenAuth()).session()));
        platform.expireTokens();
        assertEquals("{\"status\":\"Success\"}", template.getForObject(url("/v3/tags"), String.class));
        assertEquals(List.of("before null"), seen);
    }

    /** enqueue() passes an unchecked exception to onFailure() as "canceled", and also to the thread's handler. */
    @Test
    void okHttpsEnqueueGetsAnIOException() throws Exception {
        List<Throwable> uncaught = new CopyOnWriteArrayList<>();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
        try {
            TcAuth auth = platform.tokenAuth();
            TestedClient client = new Clients.OkHttp().make(sender(auth), null);
            Throwable failure = assertThrows(ExecutionException.class, () -> client.start("GET", URI.create(otherUrl())).get())
                    .getCause();
            assertTrue(failure.getMessage().contains("OTHER_ORIGIN"), failure::toString);
            assertInstanceOf(TcAuthException.class, assertInstanceOf(IOException.class, failure).getCause());
            auth.close();
            failure = assertThrows(ExecutionException.class, () -> client.start("GET", url("/v3/tags")).get()).getCause();
            assertInstanceOf(IllegalStateException.class, assertInstanceOf(IOException.class, failure).getCause());
            assertEquals(List.of(), uncaught);

            OkHttpClient naive = new OkHttpClient.Builder().addInterceptor(chain -> {
                throw new TcAuthException(TcAuthStatus.OTHER_ORIGIN);
            }).build();
            CompletableFuture<IOException> told = new CompletableFuture<>();
            naive.newCall(new Request.Builder().url(otherUrl()).build()).enqueue(new Callback() {
                @Override
                public void onFailure(Call call, IOException e) {
                    told.complete(e);
                }

                @Override
                public void onResponse(Call call, Response response) {
                    told.completeExceptionally(new AssertionError(response));
                }
            });
            assertTrue(told.get().getMessage().startsWith("canceled due to"), told.get()::toString);
            for (int i = 0; uncaught.isEmpty() && i < 1000; i++) {
                Thread.sleep(10);
            }
            assertEquals(1, uncaught.size(), "without the catch of OkHttpAuthorization");
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    @Test
    void anInterruptedWaitIsAnInterruptedIOException() {
        TcAuth auth = platform.tokenAuth();
        TcAuthSession session = TcAuthSession.newBuilder(auth).renewalTransport((url, timeout) -> new CompletableFuture<>())
                .build();
        auth.updateToken(auth.token().value(), Instant.ofEpochSecond(1));
        session.signAsync("GET", url("/v3/tags").toString()); // its renewal does not end
        List<Executable> calls = List.of(
                () -> okHttp(session, false).newCall(new Request.Builder().url(url("/v3/tags").toString()).build()).execute(),
                () -> get(apache(session), url("/v3/tags").toString()),
                () -> new SpringAuthorization(session).intercept(new JdkClientHttpRequestFactory(http)
                        .createRequest(url("/v3/tags"), HttpMethod.GET), new byte[0], null));
        for (Executable call : calls) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedIOException.class, call);
            assertTrue(Thread.interrupted(), "the caller can still see it");
        }
    }

    @Test
    void okHttpsTransparentGzipIsReviewed() throws Exception {
        byte[] zipped = zipped("{\"message\":\"Access Denied\"}");
        try (RawGzip server = new RawGzip(zipped)) {
            TcAuth auth = TcAuth.ofHmac("id", "key");
            auth.setApiPath(server.url() + "/api");
            TcAuthSession session = TcAuthSession.newBuilder(auth).onEvent(event -> events.add(event.type() + " " + event.advice()))
                    .build();
            try (Response response = okHttp(session, false).newCall(new Request.Builder().url(server.url() + "/api/a").build())
                    .execute()) {
                assertEquals("{\"message\":\"Access Denied\"}", response.body().string());
            }
            assertEquals("403 {\"message\":\"Access Denied\"}", get(apache(session), server.url() + "/api/a"));
            assertEquals(List.of("REFUSED ACCESS_DENIED", "REFUSED ACCESS_DENIED"), events);
        }
    }

    /** OkHttp drops Authorization for another server, but keeps it for another path of the same one, where it is wrong. */
    @Test
    void okHttpWithRedirectsLeaksNothing() throws Exception {
        TcAuth auth = TcAuth.ofHmac("id", "key");
        try (TestServer server = redirecting(auth)) {
            OkHttpClient client = okHttp(new TcAuthSession(auth), true);
            String redirect = server.origin() + "/api/redirect?";
            try (Response response = client.newCall(new Request.Builder().url(redirect + otherUrl()).build()).execute()) {
                assertEquals("elsewhere", response.body().string());
            }
            assertEquals(List.of("GET /api/a []"), elsewhere.requests);
            try (Response response = client.newCall(new Request.Builder().url(redirect + "/api/a").build()).execute()) {
                assertEquals("SIGNATURE_MISMATCH", response.body().string());
            }
        }
    }

    @Test
    void apacheSignsEachRedirect() throws Exception {
        TcAuth auth = TcAuth.ofHmac("id", "key");
        try (TestServer server = redirecting(auth)) {
            CloseableHttpClient client = apache(new TcAuthSession(auth));
            String redirect = server.origin() + "/api/redirect?";
            assertEquals("200 welcome", get(client, redirect + "/api/a"));
            assertEquals(TcAuthStatus.OTHER_ORIGIN,
                    assertThrows(TcAuthException.class, () -> get(client, redirect + otherUrl())).status());
            assertEquals(List.of(), elsewhere.requests);
        }
    }

    /** Why TcAuthClient takes no client that follows redirects, and SpringAuthorization must have none. */
    @Test
    void javaNetHttpWithRedirectsCanLeak() throws Exception {
        TcAuth auth = TcAuth.ofToken("secret");
        try (TestServer server = redirecting(auth)) {
            HttpClient follows = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(server.origin() + "/api/redirect?" + otherUrl()));
            new TcAuthSession(auth).sign("GET", request.build().uri().toString()).forEach(request::setHeader);
            assertEquals("elsewhere", follows.send(request.build(), BodyHandlers.ofString()).body());
            if (Runtime.version().feature() >= 25) { // Java 17.0.15 sends "TC-Token secret"
                assertEquals(List.of("GET /api/a []"), elsewhere.requests);
            }
            assertThrows(IllegalArgumentException.class, () -> new TcAuthClient(auth, follows));
        }
    }

    /** With other options than those of the client that it gets, Http2Client makes one of its own, which does not sign. */
    @Test
    void feignSignsOnlyWithTheRightOptions() throws Exception {
        Http2Client client = new Http2Client(sender(platform.hmacAuth()).asHttpClient());
        feign.Request request = feign.Request.create(feign.Request.HttpMethod.GET, url("/v3/tags").toString(), Map.of(),
                feign.Request.Body.empty(), null);
        assertEquals(200, client.execute(request, Clients.Feign.OPTIONS).status());
        for (Options wrong : List.of(new Options(), new Options(Duration.ofSeconds(9), Duration.ofSeconds(60), false))) {
            assertEquals(401, client.execute(request, wrong).status());
        }
        assertEquals(List.of("Unauthorized", "Unauthorized"), platform.refused());
        assertEquals(List.of(), events);
    }

    /** A client that is also for other servers. */
    @Test
    void othersAreNotSignedIfTheClientAsksWhatIsCovered() throws Exception {
        TcAuthSession session = sender(platform.tokenAuth()).session();
        OkHttpAuthorization authorization = new OkHttpAuthorization(session);
        OkHttpClient client = new OkHttpClient.Builder().addInterceptor(chain ->
                session.covers(chain.request().url().toString()) ? authorization.intercept(chain)
                        : chain.proceed(chain.request())).build();
        for (String url : List.of(url("/v3/tags").toString(), otherUrl())) {
            try (Response response = client.newCall(new Request.Builder().url(url).build()).execute()) {
                assertEquals(200, response.code());
            }
        }
        assertEquals(1, platform.requests().size());
        assertEquals(List.of("GET /api/a []"), elsewhere.requests);
    }

    private static byte[] zipped(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    /** Answers each request with status 403 and a compressed body. */
    private static final class RawGzip implements AutoCloseable {
        private final HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);

        RawGzip(byte[] zipped) throws IOException {
            server.createContext("/", exchange -> {
                exchange.getResponseHeaders().set("Content-Encoding", "gzip");
                exchange.sendResponseHeaders(403, zipped.length);
                exchange.getResponseBody().write(zipped);
                exchange.close();
            });
            server.start();
        }

        String url() {
            return "http://127.0.0.1:" + server.getAddress().getPort();
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }
}
