package example;

import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import io.github.tcauth.TcAuthEvent;
import java.net.http.HttpClient;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.web.client.RestClient;

public final class Spring {
    public static void main(String[] args) {
        try (TcAuth auth = TcAuth.discover(args)) {
            TcAuthClient client = TcAuthClient.newBuilder(auth, HttpClient.newHttpClient())
                    .onEvent(TcAuthEvent.logging(System.getLogger("tc-auth")))
                    .build();
            RestClient rest = RestClient.builder()
                    .requestFactory(new JdkClientHttpRequestFactory(client.asHttpClient()))
                    .baseUrl(auth.apiPath())
                    .build();
            String body = rest.get().uri("/v3/indicators?tql={tql}", "typeName in (\"Host\")").retrieve().body(String.class);
            System.out.println(body);
        }
    }
}
