package example;

import io.github.tcauth.TcAuth;
import java.time.Instant;

public final class Sign {
    public static void main(String[] args) {
        try (TcAuth auth = TcAuth.hmac("12345678901234567890", "tc_auth-example-secret")) {
            // a fixed time, so that you can compare the output: a real program leaves it out, which means "now"
            auth.headers("GET", "/api/v3/indicators", Instant.ofEpochSecond(1513703787))
                    .forEach((name, value) -> System.out.println(name + ": " + value));
        }
    }
}
