package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Breakpoints in debug registers. Machines differ in whether they lend theirs; sandboxes do not, so there is no native run. */
final class HardwareBreakpointsIT {
    @TestFactory
    Stream<DynamicTest> breakpoints() {
        return Platforms.all().map(platform -> DynamicTest.dynamicTest("breakpoints on " + platform, () -> passes(platform)));
    }

    private static void passes(String platform) throws IOException, InterruptedException {
        Platforms.assumeUsable(platform);
        String program = GuestCompiler.compiled(Runner.MODULE.resolve("debugger/breakpoints.c")).toString();
        Outcome outcome = Runner.inCaisson(platform, List.of(program));
        assertEquals("passed\n", outcome.output(), outcome::toString);
        assertEquals(0, outcome.status());
    }
}
