package example;

import io.github.tcauth.RequestSigner;
import io.github.tcauth.TcAuthException;
import io.github.tcauth.TcAuthHeaders;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Locale;
import okhttp3.Interceptor;
import okhttp3.Request;
import okhttp3.Response;

/** Authorizes the requests of an OkHttpClient, as its last interceptor. The client must follow no redirects. */
public final class OkHttpAuthorization implements Interceptor {
    private final RequestSigner signer;

    public OkHttpAuthorization(RequestSigner signer) {
        this.signer = signer;
    }

    @Override
    public Response intercept(Chain chain) throws IOException {
        String method = chain.request().method().toUpperCase(Locale.ROOT);
        String url = chain.request().url().newBuilder().fragment(null).toString();
        try {
            TcAuthHeaders headers = signer.sign(method, url);
            for (boolean first = true;; first = false) {
                Request.Builder signed = chain.request().newBuilder().method(method, chain.request().body())
                        .removeHeader("Host").removeHeader("Timestamp");
                headers.forEach(signed::header);
                Request request = signed.build();
                Response response = chain.proceed(request);
                if (!RequestSigner.needsReview(response.code())) {
                    return response;
                }
                try {
                    byte[] body =
                            RequestSigner.beginning(new BufferedInputStream(response.body().source().peek().inputStream()));
                    boolean canRepeat = first && (request.body() == null || !request.body().isOneShot());
                    headers = signer.review(headers, response.code(), response.headers()::values, body, canRepeat);
                } catch (InterruptedException | RuntimeException e) {
                    response.close(); // otherwise the connection is lost
                    throw e;
                }
                if (headers == null) {
                    return response;
                }
                response.close();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (TcAuthException | IllegalStateException e) {
            throw new IOException(e.toString(), e); // enqueue() would report an unchecked exception, and throw it, too
        }
    }
}
