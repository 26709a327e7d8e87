package example;

import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import io.github.tcauth.TcUrl;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public final class Indicators {
    public static void main(String[] args) throws Exception {
        try (TcAuth auth = TcAuth.discover(args); TcUrl url = auth.url("/v3/indicators")) {
            TcAuthClient client = new TcAuthClient(auth, HttpClient.newHttpClient());
            url.addQuery("tql", "typeName in (\"Host\")").addQuery("resultLimit", "10");
            HttpResponse<String> response = client.send(HttpRequest.newBuilder(url.toURI()).build(),
                    HttpResponse.BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body());
        }
    }
}
