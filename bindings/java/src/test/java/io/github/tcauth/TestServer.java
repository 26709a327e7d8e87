package io.github.tcauth;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server on this machine that notes what it is asked. */
final class TestServer implements AutoCloseable {
    /** Method, request target and Authorization of each request, the renewals apart. */
    final List<String> requests = new CopyOnWriteArrayList<>();
    final List<String> renewals = new CopyOnWriteArrayList<>();
    /** The clients' ports: one for each connection. */
    final List<Integer> ports = new CopyOnWriteArrayList<>();

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    TestServer(HttpHandler api, HttpHandler renewal) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/api", exchange -> {
            requests.add(note(exchange));
            ports.add(exchange.getRemoteAddress().getPort());
            api.handle(exchange);
        });
        server.createContext("/api/appAuth", exchange -> {
            renewals.add(note(exchange));
            renewal.handle(exchange);
        });
        server.start();
    }

    private static String note(HttpExchange exchange) {
        return exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                + exchange.getRequestHeaders().getOrDefault("Authorization", List.of());
    }

    String origin() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.getRequestBody().readAllBytes();
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    static void answer(HttpExchange exchange, int status, String body) throws IOException {
        answer(exchange, status, body.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
