/**
 * A platform for the tests of programs that use {@link io.github.tcauth}: {@link io.github.tcauth.testing.FakePlatform}. It needs
 * the module {@code jdk.httpserver}, which every JDK has.
 */
@NullMarked
package io.github.tcauth.testing;

import org.jspecify.annotations.NullMarked;
