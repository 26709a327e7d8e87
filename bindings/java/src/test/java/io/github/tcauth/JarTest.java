package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires.Modifier;
import java.lang.module.ModuleFinder;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What is in the jar besides the classes. */
class JarTest {
    private static final String METADATA = "META-INF/native-image/io.github.tcauth/tc-auth/reachability-metadata.json";

    @Test
    void itIsAModule() throws Exception {
        ModuleDescriptor module = ModuleFinder.of(jar()).findAll().iterator().next().descriptor();
        assertFalse(module.isAutomatic()); // jlink would refuse it
        assertEquals(Set.of("io.github.tcauth", "io.github.tcauth.testing"),
                module.exports().stream().map(ModuleDescriptor.Exports::source).collect(Collectors.toSet()));
        Map<String, Set<Modifier>> requires = module.requires().stream()
                .collect(Collectors.toMap(ModuleDescriptor.Requires::name, ModuleDescriptor.Requires::modifiers));
        assertEquals(Map.of("java.base", Set.of(Modifier.MANDATED), "java.net.http", Set.of(Modifier.TRANSITIVE),
                "com.sun.jna", Set.of(Modifier.STATIC), "org.jspecify", Set.of(Modifier.STATIC, Modifier.TRANSITIVE),
                "jdk.httpserver", Set.of(Modifier.STATIC)), requires);
    }

    @Test
    void theLicencesAreInIt() throws Exception {
        assertTrue(text("META-INF/LICENSE").contains("Apache License"));
        assertTrue(text("META-INF/copyright").contains("crates"));
    }

    @Test
    void compilersAreToldWhereNullIsAllowed() throws Exception {
        assertTrue(TcAuth.class.getPackage().isAnnotationPresent(NullMarked.class));
        assertTrue(TcAuth.class.getMethod("poll").getAnnotatedReturnType().isAnnotationPresent(Nullable.class));
        assertFalse(TcAuth.class.getMethod("describe").getAnnotatedReturnType().isAnnotationPresent(Nullable.class));
    }

    /** What a GraalVM native image must be told: the file is what this test would write. */
    @Test
    void theMetadataForNativeImagesNamesWhatIsCalled() throws Exception {
        // tc_auth_version and tc_auth_version_number, malloc, free; then all others
        Set<String> downcalls = new TreeSet<>(Set.of(downcall("jlong"), downcall("jint"), downcall("jlong", "jlong"),
                downcall("void", "jlong"),
                downcall("jint", "jlong", "void*", "jlong", "void*", "jlong", "jlong", "void*", "jlong", "void*", "void*")
                        .replace("]}", "],\n        \"options\": {\"critical\": {\"allowHeapAccess\": true}}}")));
        for (Method method : LibTcAuth.class.getMethods()) {
            downcalls.add(downcall(type(method.getReturnType()),
                    Stream.of(method.getParameterTypes()).map(JarTest::type).toArray(String[]::new)));
        }
        assertEquals(String.join("\n", "{",
                "  \"reflection\": [",
                "    {\"type\": \"io.github.tcauth.LibTcAuth\", \"allPublicMethods\": true},",
                "    {\"type\": {\"proxy\": [\"io.github.tcauth.LibTcAuth\"]}}",
                "  ],",
                "  \"resources\": [",
                "    {\"glob\": \"io/github/tcauth/native/*/*\"}",
                "  ],",
                "  \"foreign\": {",
                "    \"downcalls\": [",
                String.join(",\n", downcalls),
                "    ]",
                "  }",
                "}", ""), text(METADATA));
    }

    private static String downcall(String returned, String... parameters) {
        return Stream.of(parameters).map(type -> "\"" + type + "\"").collect(Collectors.joining(", ",
                "      {\"returnType\": \"" + returned + "\", \"parameterTypes\": [", "]}"));
    }

    private static String type(Class<?> type) {
        return type == void.class ? "void" : "j" + type.getName();
    }

    private static String text(String entry) throws Exception {
        try (JarFile jar = new JarFile(jar().toFile()); InputStream content = jar.getInputStream(jar.getEntry(entry))) {
            return new String(content.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Path jar() throws Exception {
        return Path.of(TcAuth.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
