package io.github.tcauth;

import java.io.IOException;
import java.net.URI;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import javax.net.ssl.X509TrustManager;

/** An HTTP client that {@link Conformance} sends with. */
public interface TestedClient {
    /** Makes a client. */
    interface Factory {
        /** Uses the client, its session or its view as an HttpClient. The trust manager is null for that of Java. */
        TestedClient make(TcAuthClient client, X509TrustManager trust);
    }

    /** A response. */
    final class Answer {
        final int status;
        final byte[] body;

        public Answer(int status, byte[] body) {
            this.status = status;
            this.body = body;
        }
    }

    /**
     * Sends a request and waits. A body of null is none; one that is not repeatable must be sent so that it is read only once. If
     * that is not possible, this throws an UnsupportedOperationException with the reason.
     */
    Answer send(String method, URI url, byte[] body, boolean repeatable) throws IOException, InterruptedException;

    /** Sends a request in the background. */
    default CompletableFuture<Answer> start(String method, URI url) {
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                answer.complete(send(method, url, null, true));
            } catch (Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return answer;
    }

    /** The reason that this library gave, if the client has wrapped it. */
    static Exception reason(Exception failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof TcAuthException) {
                return (TcAuthException) cause;
            }
        }
        return failure instanceof CompletionException && failure.getCause() instanceof Exception
                ? (Exception) failure.getCause() : failure;
    }
}
