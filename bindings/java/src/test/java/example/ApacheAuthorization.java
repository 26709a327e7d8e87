package example;

import io.github.tcauth.RequestSigner;
import io.github.tcauth.TcAuthHeaders;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.io.entity.HttpEntityWrapper;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;

/**
 * Authorizes the requests of an Apache HttpClient 5: {@code addExecInterceptorBefore(ChainElement.COMPRESS.name(), "tc-auth",
 * ...)}. There each redirect and each repetition is signed.
 */
public final class ApacheAuthorization implements ExecChainHandler {
    private final RequestSigner signer;

    public ApacheAuthorization(RequestSigner signer) {
        this.signer = signer;
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
            throws IOException, HttpException {
        String url = scope.route.getTargetHost().toURI() + request.getPath();
        try {
            TcAuthHeaders headers = signer.sign(request.getMethod(), url);
            for (boolean first = true;; first = false) {
                ClassicHttpRequest signed = ClassicRequestBuilder.copy(request).build();
                signed.removeHeaders("Host");
                signed.removeHeaders("Timestamp");
                headers.forEach(signed::setHeader);
                ClassicHttpResponse response = chain.proceed(signed, scope);
                if (!RequestSigner.needsReview(response.getCode())) {
                    return response;
                }
                boolean canRepeat = first && (request.getEntity() == null || request.getEntity().isRepeatable());
                headers = signer.review(headers, response.getCode(), name -> Arrays.stream(response.getHeaders(name))
                        .map(Header::getValue).collect(Collectors.toList()), beginning(response), canRepeat);
                if (headers == null) {
                    return response;
                }
                scope.execRuntime.discardEndpoint(); // close() of the response would read the rest of the body
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    /** Reads the beginning of the body, and gives the response a body that still begins with it. */
    private static byte[] beginning(ClassicHttpResponse response) throws IOException {
        HttpEntity entity = response.getEntity();
        if (entity == null) {
            return new byte[0];
        }
        BufferedInputStream whole = new BufferedInputStream(entity.getContent());
        response.setEntity(new HttpEntityWrapper(entity) {
            @Override
            public InputStream getContent() {
                return whole;
            }

            @Override
            public void writeTo(OutputStream out) throws IOException {
                whole.transferTo(out);
            }
        });
        return RequestSigner.beginning(whole);
    }
}
