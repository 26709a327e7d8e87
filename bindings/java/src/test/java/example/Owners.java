package example;

import io.github.tcauth.Advice;
import io.github.tcauth.Status;
import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import io.github.tcauth.TcUrl;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public final class Owners {
    /** Logs what goes wrong. It gets no secrets. */
    private static final TcAuthClient.Observer LOG = new TcAuthClient.Observer() {
        @Override
        public void renewalFinished(Status status, String message) {
            System.out.println("token renewal: " + status + " " + message);
        }

        @Override
        public void requestRefused(Advice advice, int httpStatus) {
            System.out.println("refused: " + advice + " " + httpStatus);
        }
    };

    /** Arguments: the API path, such as https://company.example/api, an access id and a secret key. */
    public static void main(String[] args) throws Exception {
        try (TcAuth auth = TcAuth.hmac(args[1], args[2])) {
            auth.setApiPath(args[0]);
            TcAuthClient client = new TcAuthClient(auth, HttpClient.newHttpClient(), LOG);
            try (TcUrl url = auth.url("/v3/security/owners")) {
                HttpResponse<String> response = client.send(HttpRequest.newBuilder(URI.create(url.string())).build(),
                        HttpResponse.BodyHandlers.ofString());
                System.out.println(response.statusCode() + " " + response.body());
            }
        }
    }
}
