package io.github.tcauth.testing;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.tcauth.TcAuth;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * A server on this machine that checks the authorization of requests as ThreatConnect's platform does, with code of its own.
 *
 * <pre>{@code
 * try (FakePlatform platform = new FakePlatform(); TcAuth auth = platform.tokenAuth()) {
 *     platform.answer("GET", "/v3/indicators", 200, "{\"data\":[]}");
 *     platform.expireTokens();
 *     // ... send a request with a TcAuthClient ...
 *     assertEquals(1, platform.renewals());
 * }
 * }</pre>
 *
 * <p>It accepts one key pair, and the tokens that it has issued. A renewal invalidates the old token. What was not given to
 * {@link #answer(String, String, int, String)} gets status 200 and {@code {"status":"Success"}}. It speaks http only.
 * With Java 17 each response takes 40 ms, without {@code -Dsun.net.httpserver.nodelay=true}.
 *
 * <p>Some of what it does is documented by the platform or was observed; the rest is a guess, such as the order of the checks.
 */
public final class FakePlatform implements AutoCloseable {
    /** The access id of the key pair. */
    public static final String ACCESS_ID = "12345678901234567890";
    /** The secret key of the key pair. */
    public static final String SECRET_KEY = "fake-platform-secret-key";

    private static final Duration WINDOW = Duration.ofMinutes(5);
    private static final SecureRandom RANDOM = new SecureRandom();

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "FakePlatform");
        thread.setDaemon(true);
        return thread;
    });
    private final @Nullable Duration tokenLife;
    private final Duration clockOffset;
    private final Map<String, Function<Request, Answer>> answers = new ConcurrentHashMap<>();
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final List<String> refused = new CopyOnWriteArrayList<>();
    private final AtomicInteger renewals = new AtomicInteger();
    private final AtomicInteger issued = new AtomicInteger();
    // "this" guards what follows
    /** The valid tokens with their expiry; {@link Instant#MAX} if there is none. */
    private final Map<String, Instant> tokens = new HashMap<>();
    private final Queue<Fault> faults = new ArrayDeque<>();
    private final Queue<Fault> renewalFaults = new ArrayDeque<>();

    /** Starts a server whose tokens do not expire. */
    public FakePlatform() {
        this(null, Duration.ZERO);
    }

    /**
     * Starts a server.
     *
     * @param tokenLife how long each token is valid, in whole seconds; null if tokens do not expire
     * @param clockOffset how far the clock of the server is ahead of this machine's. A clock is corrected over https only, and
     *        this server speaks http: so it refuses the requests, and the advice is {@code CLOCK_SKEW}.
     */
    public FakePlatform(@Nullable Duration tokenLife, Duration clockOffset) {
        this.tokenLife = tokenLife;
        this.clockOffset = clockOffset;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", this::serve);
        server.start();
    }

    /**
     * The scheme, host and port.
     *
     * @return such as {@code http://127.0.0.1:12345}
     */
    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /**
     * The URL of the API, for {@link TcAuth#setApiPath}.
     *
     * @return {@link #url()} and {@code /api}
     */
    public String apiPath() {
        return url() + "/api";
    }

    /**
     * Makes an identity with the key pair and the API path of this server.
     *
     * @return a new one
     */
    public TcAuth hmacAuth() {
        return withApiPath(TcAuth.ofHmac(ACCESS_ID, SECRET_KEY));
    }

    /**
     * Makes an identity with a new token and the API path of this server.
     *
     * @return a new one
     */
    public TcAuth tokenAuth() {
        Issued token;
        synchronized (this) {
            token = issue();
        }
        return withApiPath(TcAuth.ofToken(token.value, token.expires.equals(Instant.MAX) ? null : token.expires));
    }

    private TcAuth withApiPath(TcAuth auth) {
        auth.setApiPath(apiPath());
        return auth;
    }

    /** Expires all tokens now. They can still be renewed, and a client finds out from a refusal only. */
    public synchronized void expireTokens() {
        tokens.replaceAll((token, expires) -> Instant.EPOCH);
    }

    /**
     * Answers requests with this method and path.
     *
     * @param method such as {@code GET}
     * @param path without the API path and the query, such as {@code /v3/indicators}
     * @param status the HTTP status
     * @param json the body
     */
    public void answer(String method, String path, int status, String json) {
        Answer answer = Answer.of(status, json);
        answer(method, path, request -> answer);
    }

    /**
     * Answers requests with this method and path.
     *
     * @param method such as {@code GET}
     * @param path without the API path and the query, such as {@code /v3/indicators}
     * @param answer makes the answer to each request
     */
    public void answer(String method, String path, Function<Request, Answer> answer) {
        answers.put(method + " " + path, Objects.requireNonNull(answer, "answer"));
    }

    /**
     * Lets the next requests go wrong: each of them takes one of these. Renewals do not.
     *
     * @param next what goes wrong
     */
    public synchronized void fail(Fault... next) {
        faults.addAll(List.of(next));
    }

    /**
     * Lets the next renewals go wrong: each of them takes one of these.
     *
     * @param next what goes wrong
     */
    public synchronized void failRenewals(Fault... next) {
        renewalFaults.addAll(List.of(next));
    }

    /**
     * The requests with a valid authorization, in the order of their arrival. Renewals are not among them.
     *
     * @return a view that grows
     */
    public List<Request> requests() {
        return Collections.unmodifiableList(requests);
    }

    /**
     * What the requests with an invalid authorization were told.
     *
     * @return a view that grows
     */
    public List<String> refused() {
        return Collections.unmodifiableList(refused);
    }

    /**
     * How many renewals were asked for, also those that went wrong.
     *
     * @return the number
     */
    public int renewals() {
        return renewals.get();
    }

    /** Stops the server, and ends all connections. */
    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void serve(HttpExchange exchange) throws IOException {
        Request request = new Request(exchange);
        boolean isRenewal = request.path.equals("/appAuth") || request.path.equals("/appAuth/");
        if (isRenewal) {
            renewals.incrementAndGet();
        }
        Fault fault;
        synchronized (this) {
            fault = (isRenewal ? renewalFaults : faults).poll();
        }
        Function<Request, Answer> handler = isRenewal ? this::renew : this::verify;
        Answer answer;
        try {
            answer = fault == null ? handler.apply(request) : fault.answer(request, handler);
        } catch (Throwable e) { // such as an AssertionError of a test, after which the server would leave the connection open
            exchange.close();
            throw e;
        }
        if (answer != null) {
            byte[] body = answer.body.getBytes(StandardCharsets.UTF_8);
            boolean hasBody = body.length > 0 && !request.method.equals("HEAD");
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(answer.status, hasBody ? body.length : -1);
            if (hasBody) {
                exchange.getResponseBody().write(body);
            }
        }
        exchange.close();
    }

    private Answer verify(Request request) {
        String objection = objection(request);
        if (objection != null) {
            refused.add(objection);
            return Answer.of(401, failure(objection));
        }
        requests.add(request);
        Function<Request, Answer> answer = answers.get(request.method + " " + request.path);
        return answer == null ? Answer.of(200, "{\"status\":\"Success\"}") : answer.apply(request);
    }

    /** What the platform says to a request that it refuses; null if it accepts it. */
    private @Nullable String objection(Request request) {
        List<String> authorization = request.headers.getOrDefault("Authorization", List.of());
        String[] parts = String.join("", authorization).split(" ", 2);
        if (authorization.size() == 1 && parts.length == 2 && parts[0].equals("TC-Token")) {
            synchronized (this) {
                return now().isBefore(tokens.getOrDefault(parts[1], Instant.EPOCH)) ? null : "Unauthorized";
            }
        }
        if (authorization.size() != 1 || parts.length != 2 || !parts[0].equals("TC")) {
            return "Unauthorized";
        }
        int colon = parts[1].lastIndexOf(':');
        if (colon < 0 || !parts[1].substring(0, colon).equals(ACCESS_ID)) {
            return "Access Denied";
        }
        String timestamp = String.join(",", request.headers.getOrDefault("Timestamp", List.of()));
        if (!timestamp.matches("[0-9]{1,11}")) {
            return "Invalid timestamp";
        }
        Duration difference = Duration.between(Instant.ofEpochSecond(Long.parseLong(timestamp)), now()).abs();
        if (difference.compareTo(WINDOW) > 0) {
            return "Timestamp out of acceptable time range";
        }
        byte[] expected = signature(request.target + ":" + request.method + ":" + timestamp);
        boolean isRight = MessageDigest.isEqual(expected, parts[1].substring(colon + 1).getBytes(StandardCharsets.UTF_8));
        return isRight ? null : "Signature data did not match expected result";
    }

    private static byte[] signature(String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(SECRET_KEY.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            return Base64.getEncoder().encode(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e); // each Java has this algorithm
        }
    }

    private Answer renew(Request request) {
        String query = request.query.replaceFirst("^expiredToken=", "");
        String token = URLDecoder.decode(query.replace("+", "%2B"), StandardCharsets.UTF_8);
        synchronized (this) {
            if (tokens.remove(token) == null) {
                return Answer.of(401, "{\"success\":false,\"message\":\"Unauthorized\"}");
            }
            Issued next = issue();
            String expires = next.expires.equals(Instant.MAX) ? ""
                    : ",\"apiTokenExpires\":\"" + next.expires.getEpochSecond() + "\"";
            return Answer.of(200, "{\"success\":true,\"apiToken\":\"" + next.value + "\"" + expires + "}");
        }
    }

    private Issued issue() {
        byte[] random = new byte[18];
        RANDOM.nextBytes(random);
        String value = "API:" + issued.incrementAndGet() + ":" + Base64.getEncoder().encodeToString(random) + "+/=";
        Instant expires = tokenLife == null ? Instant.MAX : now().plus(tokenLife).truncatedTo(ChronoUnit.SECONDS);
        tokens.put(value, expires);
        return new Issued(value, expires);
    }

    private Instant now() {
        return Instant.now().plus(clockOffset);
    }

    private static String failure(String message) {
        return "{\"status\":\"Failure\",\"message\":\"" + message + "\"}";
    }

    private static final class Issued {
        final String value;
        final Instant expires;

        Issued(String value, Instant expires) {
            this.value = value;
            this.expires = expires;
        }
    }

    /** A request that came. */
    public static final class Request {
        private final String method;
        private final String target;
        private final String path;
        private final String query;
        /** Transient: what writes all fields of an object must not write the Authorization. */
        private final transient Map<String, List<String>> headers;
        private final byte[] body;

        private Request(HttpExchange exchange) throws IOException {
            method = exchange.getRequestMethod();
            target = exchange.getRequestURI().toString();
            String[] parts = target.split("\\?", 2);
            path = parts[0].startsWith("/api/") ? parts[0].substring(4) : parts[0];
            query = parts.length == 1 ? "" : parts[1];
            headers = exchange.getRequestHeaders();
            body = exchange.getRequestBody().readAllBytes();
        }

        /**
         * The method.
         *
         * @return such as {@code GET}
         */
        public String method() {
            return method;
        }

        /**
         * The path, without the API path and the query.
         *
         * @return such as {@code /v3/indicators}, still percent-encoded
         */
        public String path() {
            return path;
        }

        /**
         * The query.
         *
         * @return without the {@code ?}, still percent-encoded; empty if there is none
         */
        public String query() {
            return query;
        }

        /**
         * A header.
         *
         * @param name in upper or lower case
         * @return its first value; null if there is none
         */
        public @Nullable String header(String name) {
            return headers.getOrDefault(name, List.of()).stream().findFirst().orElse(null);
        }

        /**
         * The body.
         *
         * @return all of it, decoded as UTF-8
         */
        public String body() {
            return new String(body, StandardCharsets.UTF_8);
        }

        /** The method, the path and the query. */
        @Override
        public String toString() {
            return method + " " + path + (query.isEmpty() ? "" : "?" + query);
        }
    }

    /** A response. */
    public static final class Answer {
        private final int status;
        private final String body;

        private Answer(int status, String body) {
            this.status = status;
            this.body = body;
        }

        /**
         * Makes a response.
         *
         * @param status the HTTP status
         * @param body such as JSON
         * @return the response
         */
        public static Answer of(int status, String body) {
            return new Answer(status, Objects.requireNonNull(body, "body"));
        }
    }

    /** What goes wrong with a request or a renewal. A program's own faults implement this, too. */
    @FunctionalInterface
    public interface Fault {
        /**
         * Closes the connection without a response. Nothing happens: a token is not replaced. Clients repeat a GET whose
         * response is lost, {@code java.net.http} once: a request that is to fail needs two of these.
         */
        Fault DROP = (request, handler) -> null;
        /**
         * Does what was asked for, but loses the response. If that is a renewal, the token was replaced, and nobody knows the
         * new one: this can't be repaired.
         */
        Fault LOSE = (request, handler) -> {
            handler.apply(request);
            return null;
        };
        /** Answers with status 503 and HTML, like a gateway. */
        Fault UNAVAILABLE = answering(503, "<html><body><h1>503 Service Unavailable</h1></body></html>");
        /** What the platform answers to a token that it does not accept. The token can be renewed. */
        Fault UNAUTHORIZED = answering(401, failure("Unauthorized"));
        /** What the platform answers to an access id that may not do this. */
        Fault ACCESS_DENIED = answering(403, failure("Access Denied"));
        /** Refuses a renewal for good. */
        Fault REFUSE_RENEWAL = answering(200, "{\"success\":false,\"message\":\"This token may not be renewed\"}");

        /**
         * Answers a request.
         *
         * @param request what came
         * @param handler answers without a fault
         * @return the answer; null to close the connection without one
         */
        @Nullable Answer answer(Request request, Function<Request, Answer> handler);

        /**
         * Answers with any status and body.
         *
         * @param status the HTTP status
         * @param body such as JSON
         * @return the fault
         */
        static Fault answering(int status, String body) {
            Answer answer = Answer.of(status, body);
            return (request, handler) -> answer;
        }

        /**
         * Answers after some time.
         *
         * @param delay the time
         * @return the fault
         */
        static Fault delaying(Duration delay) {
            return (request, handler) -> {
                try {
                    Thread.sleep(delay.toMillis());
                } catch (InterruptedException e) {
                    return null; // the server was closed
                }
                return handler.apply(request);
            };
        }
    }
}
