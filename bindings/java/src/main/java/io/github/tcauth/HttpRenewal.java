package io.github.tcauth;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Authenticator;
import java.net.InetAddress;
import java.net.MalformedURLException;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Sends renewals with java.net.http, each on a connection of its own. */
final class HttpRenewal implements RenewalTransport {
    private static final int LIMIT = 1024 * 1024;

    private final HttpClient client;

    HttpRenewal(HttpClient client) {
        this.client = client;
    }

    @Override
    public CompletableFuture<Response> get(URI url, Duration timeout) {
        long start = System.nanoTime();
        HttpRequest get = HttpRequest.newBuilder(url).timeout(timeout).method("GET", new SentOnce()).build();
        HttpClient once = newClient(url);
        AtomicReference<HeldBody<Response>> body = new AtomicReference<>();
        // The timeout of a request does not include its body, which gets the rest of the time.
        CompletableFuture<HttpResponse<Response>> sent = once.sendAsync(get, info -> {
            body.set(new HeldBody<>(LIMIT, timeout.minusNanos(System.nanoTime() - start), Runnable::run,
                    (bytes, failure) -> CompletableFuture.completedFuture(HeldBody.unread(failure == null
                            ? Response.of(info.statusCode(), bytes) : Response.ofPart(info.statusCode(), bytes, failure)))));
            return body.get();
        });
        CompletableFuture<Response> result = new CompletableFuture<>();
        sent.handle((response, failure) -> {
            if (body.get() == null) {
                return CompletableFuture.<Response>failedFuture(failure);
            }
            if (failure != null) {
                body.get().onError(TcAuthSession.cause(failure));
            }
            return body.get().result();
        }).thenCompose(end -> end).whenComplete((response, failure) -> {
            if (failure != null) {
                result.completeExceptionally(failure);
            } else if (!result.complete(response)) {
                response.wipe(); // it comes too late
            }
        });
        result.whenComplete((response, failure) -> {
            if (!sent.cancel(true) && body.get() != null) {
                body.get().cancel();
            }
            Bridge.end(once);
        });
        return result;
    }

    /** A client with the settings of the caller's, but without its connections and cookies. */
    private HttpClient newClient(URI url) {
        HttpClient.Builder copy = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .sslContext(client.sslContext())
                .sslParameters(client.sslParameters());
        URI shown = withoutQuery(url);
        Proxy proxy = proxy(shown);
        copy.proxy(new OneProxy(proxy));
        if (proxy.type() == Proxy.Type.HTTP) { // otherwise it is not needed, and java.net.http would throw for a status of 401
            client.authenticator().ifPresent(theirs -> copy.authenticator(new ProxyOnly(theirs, shown)));
        }
        client.connectTimeout().ifPresent(copy::connectTimeout);
        client.executor().ifPresent(copy::executor);
        return copy.build();
    }

    /** The proxy that java.net.http would choose. It would pass the selector the whole URL, and the selector could log it. */
    private Proxy proxy(URI url) {
        ProxySelector selector = client.proxy().orElseGet(ProxySelector::getDefault);
        List<Proxy> proxies = selector == null ? List.of() : selector.select(url);
        return proxies.isEmpty() ? Proxy.NO_PROXY : proxies.get(0);
    }

    private static URI withoutQuery(URI url) {
        String text = url.toString();
        return URI.create(text.substring(0, text.indexOf('?')));
    }

    private static final class OneProxy extends ProxySelector {
        private final List<Proxy> proxy;

        OneProxy(Proxy proxy) {
            this.proxy = List.of(proxy);
        }

        @Override
        public List<Proxy> select(URI url) {
            return proxy;
        }

        @Override
        public void connectFailed(URI url, SocketAddress address, IOException failure) {
            // there is no other
        }
    }

    /** Uses the caller's authenticator for proxies only, and passes it the URL without the query, which contains the token. */
    private static final class ProxyOnly extends Authenticator {
        private final Authenticator theirs;
        private final URI shown;

        ProxyOnly(Authenticator theirs, URI shown) {
            this.theirs = theirs;
            this.shown = shown;
        }

        @Override
        public @Nullable PasswordAuthentication requestPasswordAuthenticationInstance(String host, InetAddress address, int port,
                String protocol, String prompt, String scheme, URL url, RequestorType type) {
            if (type != RequestorType.PROXY) {
                return null;
            }
            try {
                return theirs.requestPasswordAuthenticationInstance(host, address, port, protocol, prompt, scheme,
                        shown.toURL(), type);
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException(e); // can't happen with http and https
            }
        }
    }

    /**
     * The empty body of a request that must be sent only once. java.net.http repeats a GET if the connection ends without a
     * response, even a new connection. It asks for the body's length each time, so the second time an exception stops it.
     */
    private static final class SentOnce implements BodyPublisher {
        private final AtomicBoolean written = new AtomicBoolean();

        @Override
        public long contentLength() {
            if (written.getAndSet(true)) {
                throw new UncheckedIOException(new EOFException("the connection has ended without an answer"));
            }
            return 0;
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
            BodyPublishers.noBody().subscribe(subscriber);
        }
    }
}
