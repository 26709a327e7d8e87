package example;

import io.github.tcauth.RequestSigner;
import io.github.tcauth.TcAuthHeaders;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpRequest;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;

/**
 * Authorizes the requests of a RestClient or RestTemplate, as its last interceptor. The request factory must follow no
 * redirects.
 */
public final class SpringAuthorization implements ClientHttpRequestInterceptor {
    private final RequestSigner signer;

    public SpringAuthorization(RequestSigner signer) {
        this.signer = signer;
    }

    @Override
    public ClientHttpResponse intercept(HttpRequest request, byte[] body, ClientHttpRequestExecution execution)
            throws IOException {
        String url = request.getURI().toString();
        try {
            TcAuthHeaders headers = signer.sign(request.getMethod().name(), url);
            for (boolean first = true;; first = false) {
                request.getHeaders().remove("Host");
                request.getHeaders().remove("Timestamp");
                headers.forEach(request.getHeaders()::set);
                ClientHttpResponse response = execution.execute(request, body);
                int status = response.getStatusCode().value();
                if (!RequestSigner.needsReview(status)) {
                    return response;
                }
                BufferedInputStream whole = new BufferedInputStream(response.getBody());
                try {
                    byte[] beginning = RequestSigner.beginning(whole);
                    headers = signer.review(headers, status, response.getHeaders()::getOrEmpty, beginning, first);
                } catch (InterruptedException | RuntimeException e) {
                    whole.close();
                    response.close(); // otherwise the connection is lost
                    throw e;
                }
                if (headers == null) {
                    return new Reviewed(response, whole);
                }
                whole.close(); // close() of the response alone would read the rest of the body
                response.close();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    /** A response whose body can still be read from its beginning. */
    private record Reviewed(ClientHttpResponse response, InputStream whole) implements ClientHttpResponse {
        @Override
        public HttpStatusCode getStatusCode() throws IOException {
            return response.getStatusCode();
        }

        @Override
        public String getStatusText() throws IOException {
            return response.getStatusText();
        }

        @Override
        public HttpHeaders getHeaders() {
            return response.getHeaders();
        }

        @Override
        public InputStream getBody() {
            return whole;
        }

        @Override
        public void close() {
            response.close();
        }
    }
}
