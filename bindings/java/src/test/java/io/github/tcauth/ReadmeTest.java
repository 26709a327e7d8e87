package io.github.tcauth;

import static io.github.tcauth.TestServer.answer;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import example.Indicators;
import example.Owners;
import example.Sign;
import example.Spring;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The programs in README.md are those of src/test/java/example, and do what it says. */
class ReadmeTest {
    private interface Main {
        void run(String[] args) throws Exception;
    }

    @Test
    void signs() throws Exception {
        assertShown("java", source("Sign"));
        assertShown("text", output(Sign::main));
    }

    @Test
    void asksTheApi() throws Exception {
        assertShown("java", source("Indicators"));
        try (TestServer server = new TestServer(exchange -> answer(exchange, 200, "{}"), exchange -> answer(exchange, 500, ""))) {
            String said = output(Indicators::main, "--tc_token", "t", "--tc_api_path", server.origin() + "/api");
            assertEquals("200 {}\n", said);
            assertEquals("GET /api/v3/indicators?tql=typeName%20in%20%28%22Host%22%29&resultLimit=10 [TC-Token t]",
                    server.requests.get(0));
        }
    }

    @Test
    void tellsWhyItWasRefused() throws Exception {
        assertShown("java", source("Owners"));
        try (TestServer server = new TestServer(
                exchange -> answer(exchange, 401, "{\"message\":\"Access Denied\"}"), exchange -> answer(exchange, 500, ""))) {
            String[] said = output(Owners::main, server.origin() + "/api", "id", "key").split("\n");
            assertTrue(said[0].matches("TcAuthEvent\\[REFUSED, advice: [A-Z_]+, httpStatus: 401, request: GET .*]"), said[0]);
            assertEquals("401 {\"message\":\"Access Denied\"}", said[1]);
            assertTrue(server.requests.get(0).startsWith("GET /api/v3/security/owners [TC id:"), server.requests.get(0));
        }
    }

    @Test
    void asksWithSpring() throws Exception {
        assertShown("java", source("Spring"));
        try (TestServer server = new TestServer(exchange -> answer(exchange, 200, "{}"), exchange -> answer(exchange, 500, ""))) {
            String said = output(Spring::main, "--tc_token", "t", "--tc_api_path", server.origin() + "/api");
            assertEquals("{}\n", said);
            assertTrue(server.requests.get(0).endsWith(" [TC-Token t]"), server.requests.get(0));
        }
    }

    /** It is a test itself. */
    @Test
    void showsATest() throws Exception {
        assertShown("java", source("MyProgramTest"));
    }

    private static String source(String name) throws Exception {
        return Files.readString(Path.of("src/test/java/example", name + ".java")).replaceFirst("package example;\n\n", "");
    }

    private static void assertShown(String language, String text) throws Exception {
        String block = "```" + language + "\n" + text + "```\n";
        assertTrue(Files.readString(Path.of("README.md")).contains(block), "README.md must contain:\n" + block);
    }

    private static String output(Main program, String... args) throws Exception {
        PrintStream before = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            program.run(args);
        } finally {
            System.setOut(before);
        }
        return said.toString(StandardCharsets.UTF_8);
    }
}
