package consumer;

import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import java.net.http.HttpClient;
import java.time.Instant;

/** Signs a request, and prints which Java signed it. */
public final class Consumer {
    private Consumer() {
    }

    public static void main(String[] args) {
        try (TcAuth auth = TcAuth.ofHmac("12345678901234567890", "tc_auth-example-secret")) {
            System.out.println(auth.headers("GET", "/api/v3/indicators", Instant.ofEpochSecond(1513703787)).authorization());
            auth.setApiPath("https://company.example/api");
            // java.net.http comes with the module of tc-auth
            System.out.println(new TcAuthClient(auth, HttpClient.newHttpClient()));
            System.out.println("Java " + Runtime.version().feature() + ", "
                    + (Consumer.class.getModule().isNamed() ? "module path" : "class path"));
        }
    }
}
