package io.github.tcauth;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Does what the commands on standard input say, for a test that gives the same commands to each language's binding: one
 * command a line, fields separated by TAB and percent-encoded, "-" for an absent one; one answer a line.
 */
final class Conformance {
    private final Map<String, TcAuth> handles = new HashMap<>();
    private final Map<String, TcAuthRenewal> tickets = new HashMap<>();
    private final Map<String, ObservedClient> clients = new HashMap<>();
    private final Map<String, CompletableFuture<TestedClient.Answer>> started = new HashMap<>();
    private final Map<String, Command> commands = new HashMap<>();
    private final TestedClient.Factory factory;

    /** What a command answers after OK; null is an absent value. */
    private interface Command {
        List<String> run(Fields fields) throws Exception;
    }

    /** An argument that the types of this language can't express. */
    private static final class NotExpressible extends Exception {
        private static final long serialVersionUID = 1;
    }

    private static final class ObservedClient {
        final ConcurrentLinkedQueue<String> events = new ConcurrentLinkedQueue<>();
        final TestedClient client;

        ObservedClient(TcAuthClient.Builder builder, TestedClient.Factory factory, X509TrustManager trust) {
            client = factory.make(builder.onEvent(event -> events.add(line(event))).build(), trust);
        }

        private static String line(TcAuthEvent event) {
            switch (event.type()) {
                case RENEWED:
                case RENEWAL_FAILED:
                    return "renewal " + (event.status() == null ? "CANCELLED"
                            : event.status() + (event.message() == null ? "" : " " + event.message()));
                case ADOPTED:
                    return "adopted";
                case RETRIED:
                    return "retried " + event.advice() + " " + event.httpStatus();
                case REFUSED:
                    return "refused " + event.advice() + " " + event.httpStatus();
                default:
                    throw new AssertionError(event);
            }
        }
    }

    /** The client of this package. */
    private static final class Sender implements TestedClient {
        private final HttpClient client;
        private final TcAuthClient sender;

        Sender(TcAuthClient sender, boolean asHttpClient) {
            this.sender = sender;
            this.client = asHttpClient ? sender.asHttpClient() : null;
        }

        @Override
        public Answer send(String method, URI url, byte[] body, boolean repeatable) throws IOException, InterruptedException {
            BodyPublisher publisher;
            if (body == null) {
                publisher = BodyPublishers.noBody();
            } else if (repeatable) {
                publisher = BodyPublishers.ofByteArray(body);
            } else {
                InputStream once = new ByteArrayInputStream(body);
                publisher = BodyPublishers.ofInputStream(() -> once);
            }
            HttpRequest request = HttpRequest.newBuilder(url).method(method, publisher).build();
            HttpResponse<byte[]> response = client == null ? sender.send(request, BodyHandlers.ofByteArray())
                    : client.send(request, BodyHandlers.ofByteArray());
            return new Answer(response.statusCode(), response.body());
        }

        @Override
        public CompletableFuture<Answer> start(String method, URI url) {
            HttpRequest request = HttpRequest.newBuilder(url).method(method, BodyPublishers.noBody()).build();
            return (client == null ? sender.sendAsync(request, BodyHandlers.ofByteArray())
                    : client.sendAsync(request, BodyHandlers.ofByteArray()))
                    .thenApply(response -> new Answer(response.statusCode(), response.body()));
        }
    }

    /** The arguments of a command, read one after the other. */
    private static final class Fields {
        private final String[] raw;
        private int next = 1;

        Fields(String line) {
            raw = line.split("\t", -1);
        }

        boolean areLeft() {
            return next < raw.length;
        }

        byte[] bytes() {
            if (!areLeft()) {
                throw new IllegalArgumentException("an argument is missing");
            }
            String field = raw[next++];
            if (field.equals("-")) {
                return null;
            }
            byte[] encoded = field.getBytes(StandardCharsets.UTF_8);
            ByteArrayOutputStream decoded = new ByteArrayOutputStream(encoded.length);
            for (int i = 0; i < encoded.length; i++) {
                if (encoded[i] == '%') {
                    decoded.write(Character.digit(encoded[i + 1], 16) << 4 | Character.digit(encoded[i + 2], 16));
                    i += 2;
                } else {
                    decoded.write(encoded[i]);
                }
            }
            return decoded.toByteArray();
        }

        String text() throws NotExpressible {
            byte[] bytes = bytes();
            try {
                return bytes == null ? null : StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            } catch (CharacterCodingException e) {
                throw new NotExpressible();
            }
        }

        long number() throws NotExpressible {
            return Long.parseLong(text());
        }

        /** A number that a method takes as int. */
        int integer() throws NotExpressible {
            long number = number();
            if (number != (int) number) {
                throw new NotExpressible();
            }
            return (int) number;
        }

        Instant time() throws NotExpressible {
            try {
                return Instant.ofEpochSecond(number());
            } catch (DateTimeException e) {
                throw new NotExpressible();
            }
        }

        Path path() throws NotExpressible {
            try {
                return Path.of(text());
            } catch (InvalidPathException e) {
                throw new NotExpressible();
            }
        }

        String[] rest() throws NotExpressible {
            List<String> rest = new ArrayList<>();
            while (areLeft()) {
                rest.add(text());
            }
            return rest.toArray(new String[0]);
        }
    }

    private Conformance(TestedClient.Factory factory, String label) {
        this.factory = factory;
        commands.put("hello", f ->
                List.of("Java " + Runtime.version().feature() + " " + Bridge.technique() + label, TcAuth.version()));
        commands.put("statuses", f -> values(TcAuthStatus.values(), TcAuthStatus::value));
        commands.put("kinds", f -> values(TcAuthKind.values(), TcAuthKind::value));
        commands.put("advices", f -> values(TcAuthAdvice.values(), TcAuthAdvice::value));
        commands.put("states", f -> values(TcAuthState.values(), TcAuthState::value));
        commands.put("unsealeds", f -> values(TcAuthUnsealed.values(), TcAuthUnsealed::value));
        commands.put("status_name", f -> List.of(TcAuthStatus.name(f.integer())));
        commands.put("status_message", f -> List.of(TcAuthStatus.message(f.integer())));
        commands.put("advice_name", f -> List.of(TcAuthAdvice.name(f.integer())));
        commands.put("advice_message", f -> List.of(TcAuthAdvice.message(f.integer())));
        commands.put("version_number", f -> List.of(Integer.toString(TcAuth.versionNumber())));

        commands.put("new_hmac", f -> keep(f.text(), TcAuth.ofHmac(f.text(), f.text())));
        commands.put("new_token", f -> keep(f.text(), TcAuth.ofToken(f.text(), f.time())));
        commands.put("from_json", f -> keep(f.text(), TcAuth.fromJson(f.text())));
        commands.put("from_args", f -> keep(f.text(), TcAuth.fromArgs(f.rest())));
        commands.put("from_env", f -> keep(f.text(), TcAuth.fromEnvironment()));
        commands.put("from_param_file", f -> keep(f.text(), TcAuth.fromParamFile(f.path(), f.text())));
        commands.put("discover", f -> {
            String name = f.text();
            keep(name, TcAuth.discover(f.rest()));
            return answer(handles.get(name).discovery());
        });
        commands.put("close", f -> done(() -> handle(f).close()));
        commands.put("kind", f -> answer(handle(f).kind().name()));
        commands.put("describe", f -> answer(handle(f).describe()));

        commands.put("headers", f -> {
            TcAuth auth = handle(f);
            String method = f.text();
            String uri = f.text();
            Instant at = f.time();
            TcAuthHeaders headers = at.getEpochSecond() == -1 ? auth.headers(method, uri) : auth.headers(method, uri, at);
            Map<String, String> values = new HashMap<>();
            headers.forEach(values::put);
            return answer(values.get("Authorization"), values.get("Timestamp"));
        });
        commands.put("header_block", f ->
                answer(new String(handle(f).headerBlock(f.text(), f.text()), StandardCharsets.US_ASCII)));
        commands.put("string_to_sign", f -> answer(TcAuth.stringToSign(f.text(), f.text(), f.time())));
        commands.put("set_api_path", f -> done(() -> handle(f).setApiPath(f.text())));
        commands.put("api_path", f -> answer(handle(f).apiPath()));
        commands.put("renewal_window", f -> answer(Long.toString(handle(f).renewalWindow().toSeconds())));
        commands.put("set_renewal_window", f -> done(() -> handle(f).setRenewalWindow(Duration.ofSeconds(f.number()))));
        commands.put("set_clock_offset", f -> done(() -> handle(f).setClockOffset(Duration.ofSeconds(f.number()))));
        commands.put("clock_offset", f -> answer(Long.toString(handle(f).clockOffset().toSeconds())));
        commands.put("update_token", f -> done(() -> handle(f).updateToken(f.text(), f.time())));
        commands.put("token", f -> {
            TcAuth.Token token = handle(f).token();
            return answer(token.value(), token.expires() == null ? "0" : Long.toString(token.expires().getEpochSecond()));
        });

        commands.put("token_state", f -> {
            TcAuth.TokenState state = handle(f).tokenState();
            return answer(state.state().name(), state.left() == null ? "-1" : Long.toString(state.left().toSeconds()));
        });
        commands.put("family", f -> answer(handle(f).family()));
        commands.put("seal", f -> answer(handle(f).seal(f.text())));
        commands.put("unseal", f -> answer(handle(f).unseal(f.text(), f.text()).name()));

        commands.put("share_in", f -> done(() -> handle(f).shareIn(f.path(), f.text())));

        commands.put("poll", f -> {
            String name = f.text();
            TcAuthRenewal ticket = handle(name).poll(Duration.ofMillis(f.number()));
            if (ticket == null) {
                return answer((String) null);
            }
            tickets.put(name, ticket);
            return answer(ticket.url());
        });
        commands.put("needed", f -> answer(ticket(f).isNeeded() ? "1" : "0"));
        commands.put("complete", f -> answer(ticket(f).complete(f.integer(), f.bytes())));
        commands.put("cancel", f -> done(() -> ticket(f).cancel()));
        commands.put("review", f -> {
            TcAuth auth = handle(f);
            String authorization = f.text();
            String timestamp = f.text();
            TcAuthHeaders sent = TcAuthHeaders.of(authorization,
                    timestamp == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(timestamp)));
            return answer(auth.review(sent, f.integer(), f.text(), f.bytes()).name());
        });
        commands.put("verify", f -> done(() -> {
            TcAuth auth = handle(f);
            String method = f.text();
            String uri = f.text();
            String authorization = f.text();
            String timestamp = f.text();
            Instant at = f.time();
            Duration tolerance = Duration.ofSeconds(f.number());
            if (at.getEpochSecond() == -1) {
                auth.verify(method, uri, authorization, timestamp, tolerance);
            } else {
                auth.verify(method, uri, authorization, timestamp, at, tolerance);
            }
        }));

        commands.put("url_new", f -> string(TcUrl.of(f.text())));
        commands.put("url_new_for", f -> string(handle(f).url(f.text())));
        commands.put("url_add_segment", f -> string(TcUrl.of(f.text()), url -> url.addSegment(f.text())));
        commands.put("url_add_query", f -> string(TcUrl.of(f.text()), url -> url.addQuery(f.text(), f.text())));

        commands.put("client", f -> {
            String name = f.text();
            HttpClient.Builder http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10));
            String certificate = f.text();
            X509TrustManager trust = certificate == null ? null : trusting(Path.of(certificate));
            if (trust != null) {
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, new TrustManager[] {trust}, null);
                http.sslContext(context);
            }
            TcAuthClient.Builder builder = TcAuthClient.newBuilder(handle(name), http.build());
            if (f.areLeft()) {
                builder.shareIn(f.path(), f.text());
            }
            clients.put(name, new ObservedClient(builder, factory, trust));
            return List.of();
        });
        commands.put("send", f -> response(send(f, true)));
        commands.put("send_once", f -> response(send(f, false)));
        commands.put("start", f -> {
            ObservedClient observed = client(f);
            started.put(f.raw[1], observed.client.start(f.text(), URI.create(f.text())));
            return List.of();
        });
        commands.put("finish", f -> {
            try {
                f.text();
                return response(started.remove(f.raw[1]).get());
            } catch (ExecutionException e) {
                throw (Exception) e.getCause();
            }
        });
        commands.put("storm", f -> storm(client(f).client, URI.create(f.text()), f.integer(), f.integer(),
                f.areLeft() ? URI.create(f.text()) : null));
        commands.put("events", f -> {
            ConcurrentLinkedQueue<String> events = client(f).events;
            return Stream.generate(events::poll).takeWhile(event -> event != null).toList();
        });
    }

    /** The argument is the name of a factory: without one, TcAuthClient sends; with {@code asHttpClient}, its view does. */
    public static void main(String[] args) throws Exception {
        String client = args.length == 0 ? "send" : args[0];
        boolean isOurs = client.equals("send") || client.equals("asHttpClient");
        TestedClient.Factory factory = isOurs ? (sender, trust) -> new Sender(sender, client.equals("asHttpClient"))
                : (TestedClient.Factory) Class.forName(client).getDeclaredConstructor().newInstance();
        String label = client.equals("send") ? "" : ", " + client.replaceFirst(".*[.$]", "");
        Conformance conformance = new Conformance(factory, label);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(conformance.answerTo(line));
        }
        System.exit(0); // also while requests are under way
    }

    private String answerTo(String line) {
        Fields fields = new Fields(line);
        try {
            Command command = commands.get(fields.raw[0]);
            if (command == null) {
                throw new IllegalArgumentException("no such command");
            }
            List<String> answer = command.run(fields);
            if (fields.areLeft()) {
                throw new IllegalArgumentException("too many arguments");
            }
            return encode("OK", answer);
        } catch (NotExpressible e) {
            return "SKIP";
        } catch (UnsupportedOperationException e) {
            return encode("SKIP", List.of(e.getMessage()));
        } catch (Exception e) {
            return failure(TestedClient.reason(e), fields);
        }
    }

    private static String failure(Exception failure, Fields fields) {
        if (failure instanceof TcAuthException) {
            TcAuthException e = (TcAuthException) failure;
            boolean hasDetail = fields.raw[0].equals("complete") || fields.raw[0].equals("discover");
            return encode(e.status().name(), hasDetail ? answer(e.detail()) : List.of());
        }
        return encode("ERROR", List.of(failure.toString()));
    }

    private static String encode(String status, List<String> fields) {
        StringBuilder line = new StringBuilder(status);
        for (String field : fields) {
            line.append('\t');
            if (field == null) {
                line.append('-');
                continue;
            }
            for (byte b : field.getBytes(StandardCharsets.UTF_8)) {
                if (b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z') {
                    line.append((char) b);
                } else {
                    line.append(String.format("%%%02X", b));
                }
            }
        }
        return line.toString();
    }

    private static List<String> answer(String... fields) {
        return Arrays.asList(fields); // unlike List.of() with null
    }

    private interface Action {
        void run() throws Exception;
    }

    private static List<String> done(Action action) throws Exception {
        action.run();
        return List.of();
    }

    private static <E extends Enum<E>> List<String> values(E[] constants, ToIntFunction<E> number) {
        return Stream.of(constants).filter(constant -> number.applyAsInt(constant) >= 0)
                .map(constant -> constant.name() + "=" + number.applyAsInt(constant)).toList();
    }

    private List<String> keep(String name, TcAuth auth) {
        TcAuth before = handles.put(name, auth);
        if (before != null) {
            before.close();
        }
        return List.of();
    }

    private TcAuth handle(Fields fields) throws NotExpressible {
        return handle(fields.text());
    }

    private TcAuth handle(String name) {
        return known(handles, name);
    }

    private TcAuthRenewal ticket(Fields fields) throws NotExpressible {
        return known(tickets, fields.text());
    }

    private ObservedClient client(Fields fields) throws NotExpressible {
        return known(clients, fields.text());
    }

    private static <V> V known(Map<String, V> map, String name) {
        V value = map.get(name);
        if (value == null) {
            throw new IllegalArgumentException("there is none for " + name);
        }
        return value;
    }

    private interface UrlChange {
        TcUrl apply(TcUrl url) throws Exception;
    }

    private static List<String> string(TcUrl url) throws Exception {
        return string(url, same -> same);
    }

    private static List<String> string(TcUrl url, UrlChange change) throws Exception {
        try (url) {
            return answer(change.apply(url).string());
        }
    }

    private TestedClient.Answer send(Fields fields, boolean repeatable) throws Exception {
        return client(fields).client.send(fields.text(), URI.create(fields.text()), fields.bytes(), repeatable);
    }

    private static List<String> response(TestedClient.Answer answer) {
        return answer(Integer.toString(answer.status), new String(answer.body, StandardCharsets.UTF_8));
    }

    private static List<String> storm(TestedClient client, URI url, int threads, int seconds, URI rejectingUrl)
            throws InterruptedException {
        AtomicLong requests = new AtomicLong();
        AtomicLong rejected = new AtomicLong();
        AtomicLong failed = new AtomicLong();
        long end = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            running.add(new Thread(() -> sendUntil(end, client, url, 200, requests, failed)));
        }
        if (rejectingUrl != null) {
            running.add(new Thread(() -> sendUntil(end, client, rejectingUrl, 401, rejected, failed)));
        }
        running.forEach(Thread::start);
        for (Thread thread : running) {
            thread.join();
        }
        return rejectingUrl == null ? answer(requests.toString(), failed.toString())
                : answer(requests.toString(), failed.toString(), rejected.toString());
    }

    private static void sendUntil(long end, TestedClient client, URI url, int expected, AtomicLong sent, AtomicLong failed) {
        while (System.nanoTime() < end) {
            sent.incrementAndGet();
            try {
                int status = client.send("GET", url, null, true).status;
                failed.addAndGet(status == expected ? 0 : 1);
            } catch (Exception e) {
                failed.incrementAndGet();
            }
        }
    }

    private static X509TrustManager trusting(Path certificate) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(certificate)) {
            store.setCertificateEntry("trusted", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        return (X509TrustManager) trust.getTrustManagers()[0];
    }
}
