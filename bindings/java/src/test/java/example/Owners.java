package example;

import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import io.github.tcauth.TcUrl;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public final class Owners {
    /** Arguments: the API path, such as https://company.example/api, an access id and a secret key. */
    public static void main(String[] args) throws Exception {
        try (TcAuth auth = TcAuth.ofHmac(args[1], args[2])) {
            TcAuthClient client = TcAuthClient.newBuilder(auth, HttpClient.newHttpClient())
                    .apiPath(args[0])
                    .onEvent(event -> System.out.println(event)) // renewals and refusals; an event contains no secrets
                    .build();
            try (TcUrl url = auth.url("/v3/security/owners")) {
                HttpResponse<String> response = client.send(HttpRequest.newBuilder(url.toURI()).build(),
                        HttpResponse.BodyHandlers.ofString());
                System.out.println(response.statusCode() + " " + response.body());
            }
        }
    }
}
