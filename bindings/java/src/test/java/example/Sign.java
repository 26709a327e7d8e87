package example;

import io.github.tcauth.TcAuth;
import java.time.Instant;

public final class Sign {
    public static void main(String[] args) {
        try (TcAuth auth = TcAuth.ofHmac("12345678901234567890", "tc_auth-example-secret")) {
            // a fixed time, to compare the output; without it the current time is used
            auth.headers("GET", "/api/v3/indicators", Instant.ofEpochSecond(1513703787))
                    .forEach((name, value) -> System.out.println(name + ": " + value));
        }
    }
}
