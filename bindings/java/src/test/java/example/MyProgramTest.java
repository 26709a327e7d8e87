package example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import io.github.tcauth.testing.FakePlatform;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

class MyProgramTest {
    @Test
    void itGoesOnWithANewToken() throws Exception {
        try (FakePlatform platform = new FakePlatform(); TcAuth auth = platform.tokenAuth()) {
            platform.answer("GET", "/v3/indicators", 200, "{\"data\":[]}");
            platform.expireTokens();
            TcAuthClient client = new TcAuthClient(auth, HttpClient.newHttpClient());
            HttpRequest request = HttpRequest.newBuilder(URI.create(platform.apiPath() + "/v3/indicators")).build();
            assertEquals("{\"data\":[]}", client.send(request, HttpResponse.BodyHandlers.ofString()).body());
            assertEquals(1, platform.renewals());
        }
    }
}
