package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A server on this machine that answers byte for byte what a test says, also what no server should. */
final class RawServer implements AutoCloseable {
    /** The first lines and headers of all requests. */
    final List<String> requests = new CopyOnWriteArrayList<>();
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Function<String, Answer> answers;
    private final CountDownLatch firstEnded = new CountDownLatch(1);

    /** What is sent, and whether the connection then stays open. */
    static final class Answer {
        final String bytes;
        final boolean staysOpen;

        Answer(String bytes, boolean staysOpen) {
            this.bytes = bytes;
            this.staysOpen = staysOpen;
        }
    }

    RawServer(Function<String, Answer> answers) throws IOException {
        this.answers = answers;
        Thread accepting = new Thread(() -> {
            try {
                while (true) {
                    Socket socket = listener.accept();
                    sockets.add(socket);
                    Thread serving = new Thread(() -> serve(socket));
                    serving.setDaemon(true);
                    serving.start();
                }
            } catch (IOException e) {
                // closed
            }
        });
        accepting.setDaemon(true);
        accepting.start();
    }

    private void serve(Socket socket) {
        try (socket) {
            BufferedReader reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            while (true) {
                StringBuilder head = new StringBuilder();
                for (String line = reader.readLine(); line == null || !line.isEmpty(); line = reader.readLine()) {
                    if (line == null) {
                        return;
                    }
                    head.append(line).append('\n');
                }
                requests.add(head.toString());
                Answer answer = answers.apply(head.toString());
                socket.getOutputStream().write(answer.bytes.getBytes(StandardCharsets.UTF_8));
                if (!answer.staysOpen) {
                    return;
                }
            }
        } catch (IOException e) {
            // the client has closed
        } finally {
            firstEnded.countDown();
        }
    }

    String origin() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    /** How many there have been. */
    int connections() {
        return sockets.size();
    }

    /** Waits until the client has closed the first connection. */
    void awaitEnd() throws InterruptedException {
        assertTrue(firstEnded.await(20, TimeUnit.SECONDS));
    }

    @Override
    public void close() throws IOException {
        listener.close();
        dropConnections();
    }

    void dropConnections() {
        for (Socket socket : sockets) {
            try {
                socket.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
