package io.github.tcauth;

import example.ApacheAuthorization;
import example.OkHttpAuthorization;
import example.SpringAuthorization;
import feign.Request;
import feign.http2client.Http2Client;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.ChainElement;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.InputStreamEntity;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;
import org.apache.hc.core5.util.Timeout;
import org.springframework.core.io.InputStreamResource;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.http.client.reactive.JdkClientHttpConnector;
import org.springframework.web.client.RestClient;
import org.springframework.web.reactive.function.BodyInserters;
import org.springframework.web.reactive.function.client.WebClient;

/** The HTTP clients that the suite sends with, made as the README says. */
final class Clients {
    private Clients() {
    }

    private static SSLContext context(X509TrustManager trust) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust == null ? null : new TrustManager[] {trust}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    /** OkHttp with the interceptor. */
    static final class OkHttp implements TestedClient.Factory {
        static OkHttpClient.Builder builder(RequestSigner signer) {
            return new OkHttpClient.Builder().followRedirects(false).addInterceptor(new OkHttpAuthorization(signer));
        }

        @Override
        public TestedClient make(TcAuthClient sender, X509TrustManager trust) {
            OkHttpClient.Builder builder = builder(sender.session());
            if (trust != null) {
                builder.sslSocketFactory(context(trust).getSocketFactory(), trust);
            }
            OkHttpClient client = builder.build();
            return new TestedClient() {
                @Override
                public Answer send(String method, URI url, byte[] body, boolean repeatable) throws IOException {
                    return answer(client.newCall(request(method, url, body, repeatable)).execute());
                }

                @Override
                public CompletableFuture<Answer> start(String method, URI url) {
                    CompletableFuture<Answer> result = new CompletableFuture<>();
                    client.newCall(request(method, url, null, true)).enqueue(new Callback() {
                        @Override
                        public void onResponse(Call call, Response response) {
                            try {
                                result.complete(answer(response));
                            } catch (IOException e) {
                                result.completeExceptionally(e);
                            }
                        }

                        @Override
                        public void onFailure(Call call, IOException e) {
                            result.completeExceptionally(e);
                        }
                    });
                    return result;
                }
            };
        }

        private static TestedClient.Answer answer(Response response) throws IOException {
            try (response) {
                return new TestedClient.Answer(response.code(), response.body().bytes());
            }
        }

        static okhttp3.Request request(String method, URI url, byte[] body, boolean repeatable) {
            RequestBody sent = body == null ? null : RequestBody.create(body);
            return new okhttp3.Request.Builder().url(url.toString())
                    .method(method, sent == null || repeatable ? sent : oneShot(sent)).build();
        }

        private static RequestBody oneShot(RequestBody body) {
            return new RequestBody() {
                @Override
                public boolean isOneShot() {
                    return true;
                }

                @Override
                public MediaType contentType() {
                    return body.contentType();
                }

                @Override
                public void writeTo(BufferedSink sink) throws IOException {
                    body.writeTo(sink);
                }
            };
        }
    }

    /** Apache HttpClient 5 with the interceptor. */
    static final class Apache implements TestedClient.Factory {
        @Override
        public TestedClient make(TcAuthClient sender, X509TrustManager trust) {
            CloseableHttpClient client = HttpClients.custom()
                    .addExecInterceptorBefore(ChainElement.COMPRESS.name(), "tc-auth", new ApacheAuthorization(sender.session()))
                    .setConnectionManager(PoolingHttpClientConnectionManagerBuilder.create()
                            .setTlsSocketStrategy(new DefaultClientTlsStrategy(context(trust)))
                            .setMaxConnPerRoute(20).build())
                    .setDefaultRequestConfig(RequestConfig.custom().setResponseTimeout(Timeout.ofSeconds(15)).build())
                    .build();
            return (method, url, body, repeatable) -> {
                HttpEntity entity = body == null ? null : repeatable ? new ByteArrayEntity(body, null)
                        : new InputStreamEntity(new ByteArrayInputStream(body), null);
                return client.execute(ClassicRequestBuilder.create(method.toUpperCase(Locale.ROOT)).setUri(url).setEntity(entity).build(),
                        response -> new TestedClient.Answer(response.getCode(), response.getEntity() == null ? new byte[0]
                                : EntityUtils.toByteArray(response.getEntity())));
            };
        }
    }

    private static TestedClient rest(RestClient client, boolean readsBodies) {
        return (method, url, body, repeatable) -> {
            if (!repeatable && readsBodies) {
                throw new UnsupportedOperationException("Spring reads each body into memory for an interceptor");
            }
            HttpMethod constant = HttpMethod.valueOf(method.toUpperCase(Locale.ROOT));
            RestClient.RequestBodySpec request = client.method(constant).uri(url);
            if (body != null) {
                request.body(repeatable ? body : new InputStreamResource(new ByteArrayInputStream(body)));
            }
            return request.exchange((sent, response) ->
                    new TestedClient.Answer(response.getStatusCode().value(), response.getBody().readAllBytes()));
        };
    }

    /** Spring's RestClient over {@link TcAuthClient#asHttpClient}. */
    static final class Rest implements TestedClient.Factory {
        @Override
        public TestedClient make(TcAuthClient sender, X509TrustManager trust) {
            return rest(RestClient.builder().requestFactory(new JdkClientHttpRequestFactory(sender.asHttpClient())).build(),
                    false);
        }
    }

    /** Spring's RestClient with the interceptor. */
    static final class RestInterceptor implements TestedClient.Factory {
        @Override
        public TestedClient make(TcAuthClient sender, X509TrustManager trust) {
            JdkClientHttpRequestFactory factory =
                    new JdkClientHttpRequestFactory(HttpClient.newBuilder().sslContext(context(trust)).build());
            factory.setReadTimeout(Duration.ofSeconds(15));
            return rest(RestClient.builder().requestFactory(factory)
                    .requestInterceptor(new SpringAuthorization(sender.session())).build(), true);
        }
    }

    /** Spring's WebClient over {@link TcAuthClient#asHttpClient}. */
    static final class Web implements TestedClient.Factory {
        @Override
        public TestedClient make(TcAuthClient sender, X509TrustManager trust) {
            WebClient client = WebClient.builder().clientConnector(new JdkClientHttpConnector(sender.asHttpClient()))
                    .codecs(codecs -> codecs.defaultCodecs().maxInMemorySize(-1)).build();
            return (method, url, body, repeatable) -> {
                WebClient.RequestBodySpec request = client.method(HttpMethod.valueOf(method)).uri(url);
                if (body != null) {
                    request.body(repeatable ? BodyInserters.fromValue(body)
                            : BodyInserters.fromResource(new InputStreamResource(new ByteArrayInputStream(body))));
                }
                return request.exchangeToMono(response -> response.bodyToMono(byte[].class).defaultIfEmpty(new byte[0])
                        .map(bytes -> new TestedClient.Answer(response.statusCode().value(), bytes))).block();
            };
        }
    }

    /** Feign's Http2Client over {@link TcAuthClient#asHttpClient}, with options that do not make it use a client of its own. */
    static final class Feign implements TestedClient.Factory {
        static final Request.Options OPTIONS = new Request.Options(Duration.ofSeconds(10), Duration.ofSeconds(60), false);

        @Override
        public TestedClient make(TcAuthClient sender, X509TrustManager trust) {
            Http2Client client = new Http2Client(sender.asHttpClient());
            return (method, url, body, repeatable) -> {
                if (!repeatable) {
                    throw new UnsupportedOperationException("Feign has each body in memory");
                }
                feign.Response response = client.execute(Request.create(
                        Request.HttpMethod.valueOf(method.toUpperCase(Locale.ROOT)), url.toString(), Map.of(),
                        body == null ? Request.Body.empty() : Request.Body.create(body), null), OPTIONS);
                try (InputStream content = response.body().asInputStream()) {
                    return new TestedClient.Answer(response.status(), content.readAllBytes());
                }
            };
        }
    }
}
