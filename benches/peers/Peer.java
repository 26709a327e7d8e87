import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signs as Java programs do: a new Mac for each request. ../src/peers.rs describes input and output. */
public final class Peer {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            System.out.println(sign(args[0], args[1], words[0], Integer.parseInt(words[1])));
        }
    }

    private static String sign(String accessId, String secretKey, String uri, int count) throws Exception {
        String authorization = null;
        String timestamp = null;
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            timestamp = Long.toString(System.currentTimeMillis() / 1000);
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secretKey.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            byte[] signature = mac.doFinal((uri + ":GET:" + timestamp).getBytes(StandardCharsets.UTF_8));
            authorization = "TC " + accessId + ":" + Base64.getEncoder().encodeToString(signature);
        }
        return (System.nanoTime() - start) + "\t" + authorization + "\t" + timestamp;
    }
}
