package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The enumerations have the names and numbers of the header, all of them and no others. */
class EnumsTest {
    @Test
    void statusesAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("STATUS"), inJava(Status.values(), Status::value));
    }

    @Test
    void kindsAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("KIND"), inJava(Kind.values(), Kind::value));
    }

    @Test
    void advicesAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("ADVICE"), inJava(Advice.values(), Advice::value));
    }

    @Test
    void statesAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("STATE"), inJava(State.values(), State::value));
    }

    @Test
    void outcomesOfUnsealAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("UNSEALED"), inJava(Unsealed.values(), Unsealed::value));
    }

    @Test
    void everyNumberIsFoundAndUnknownOnesAreNoError() {
        assertEquals(Status.OTHER_ORIGIN, Status.of(25));
        assertEquals(Kind.TOKEN, Kind.of(2));
        assertEquals(Advice.RETRY, Advice.of(1));
        assertEquals(State.PAUSED, State.of(4));
        assertEquals(Unsealed.OLDER, Unsealed.of(2));
        assertEquals(Status.UNRECOGNIZED, Status.of(4711));
        assertEquals(State.UNRECOGNIZED, State.of(4711));
        assertEquals(Unsealed.UNRECOGNIZED, Unsealed.of(4711));
        assertEquals(Kind.UNRECOGNIZED, Kind.of(4711));
        assertEquals(Advice.UNKNOWN, Advice.of(4711));
    }

    @Test
    void theLibraryHasTheSameNames() {
        for (Status status : Status.values()) {
            assertEquals(status == Status.UNRECOGNIZED ? "UNKNOWN" : status.name(), Status.name(status.value()));
            assertFalse(status.message().isBlank(), status.name());
        }
        for (Advice advice : Advice.values()) {
            assertEquals(advice.name(), Advice.name(advice.value()));
            assertFalse(advice.message().isBlank(), advice.name());
        }
        assertEquals("UNKNOWN", Advice.name(4711));
        assertEquals(Advice.message(-1), Advice.message(4711));
        assertEquals(Status.message(4711), new TcAuthException(4711, null).getMessage());
    }

    private static Map<String, Integer> inHeader(String prefix) throws IOException {
        Map<String, Integer> constants = new TreeMap<>();
        Matcher matcher = Pattern.compile("TC_AUTH_" + prefix + "_(\\w+) = (\\d+)")
                .matcher(Files.readString(Path.of("../../include/tc_auth.h")));
        while (matcher.find()) {
            constants.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
        }
        assertTrue(constants.size() > 2, "the header is not as expected");
        return constants;
    }

    private static <E extends Enum<E>> Map<String, Integer> inJava(E[] values, ToIntFunction<E> number) {
        Map<String, Integer> constants = new TreeMap<>();
        for (E value : values) {
            if (!value.name().equals("UNRECOGNIZED")) {
                constants.put(value.name(), number.applyAsInt(value));
            }
        }
        return constants;
    }
}
