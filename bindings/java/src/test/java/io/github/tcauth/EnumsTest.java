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
        assertEquals(inHeader("STATUS"), inJava(TcAuthStatus.values(), TcAuthStatus::value));
    }

    @Test
    void kindsAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("KIND"), inJava(TcAuthKind.values(), TcAuthKind::value));
    }

    @Test
    void advicesAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("ADVICE"), inJava(TcAuthAdvice.values(), TcAuthAdvice::value));
    }

    @Test
    void statesAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("STATE"), inJava(TcAuthState.values(), TcAuthState::value));
    }

    @Test
    void outcomesOfUnsealAreThoseOfTheHeader() throws IOException {
        assertEquals(inHeader("UNSEALED"), inJava(TcAuthUnsealed.values(), TcAuthUnsealed::value));
    }

    @Test
    void everyNumberIsFoundAndUnknownOnesAreNoError() {
        assertEquals(TcAuthStatus.OTHER_ORIGIN, TcAuthStatus.of(25));
        assertEquals(TcAuthKind.TOKEN, TcAuthKind.of(2));
        assertEquals(TcAuthAdvice.RETRY, TcAuthAdvice.of(1));
        assertEquals(TcAuthState.PAUSED, TcAuthState.of(4));
        assertEquals(TcAuthUnsealed.OLDER, TcAuthUnsealed.of(2));
        assertEquals(TcAuthStatus.UNRECOGNIZED, TcAuthStatus.of(4711));
        assertEquals(TcAuthState.UNRECOGNIZED, TcAuthState.of(4711));
        assertEquals(TcAuthUnsealed.UNRECOGNIZED, TcAuthUnsealed.of(4711));
        assertEquals(TcAuthKind.UNRECOGNIZED, TcAuthKind.of(4711));
        assertEquals(TcAuthAdvice.UNKNOWN, TcAuthAdvice.of(4711));
    }

    @Test
    void theLibraryHasTheSameNames() {
        for (TcAuthStatus status : TcAuthStatus.values()) {
            assertEquals(status == TcAuthStatus.UNRECOGNIZED ? "UNKNOWN" : status.name(), TcAuthStatus.name(status.value()));
            assertFalse(status.message().isBlank(), status.name());
        }
        for (TcAuthAdvice advice : TcAuthAdvice.values()) {
            assertEquals(advice.name(), TcAuthAdvice.name(advice.value()));
            assertFalse(advice.message().isBlank(), advice.name());
        }
        assertEquals("UNKNOWN", TcAuthAdvice.name(4711));
        assertEquals(TcAuthAdvice.message(-1), TcAuthAdvice.message(4711));
        assertEquals(TcAuthStatus.message(4711), new TcAuthException(4711, null).getMessage());
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
