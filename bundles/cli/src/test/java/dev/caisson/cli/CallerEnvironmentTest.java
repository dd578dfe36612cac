package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class CallerEnvironmentTest {
    @Test
    void theOrderIsThatOfTheListing() {
        List<String> own = List.of("A=1", "_JAVA_SR_SIGNUM=63", "CAISSON_ENVIRONMENT=B=2\nA=1\nC=3", "C=3", "B=2");
        assertEquals(List.of("B=2", "A=1", "C=3"), CallerEnvironment.original(own));
    }

    @Test
    void whatTheShellDroppedOrAddedIsUndone() {
        List<String> own = List.of("SHLVL=1", "A=1", "CAISSON_ENVIRONMENT=A=1\nnot.a.variable=x\nno sign", "_=/bin/env");
        assertEquals(List.of("A=1", "not.a.variable=x", "no sign"), CallerEnvironment.original(own));
    }

    @Test
    void newlinesAndBytesOneStay() {
        List<String> own = List.of("CAISSON_ENVIRONMENT=A=x\1y\nB=x\1y", "A=x\ny", "B=x\1y");
        assertEquals(List.of("A=x\ny", "B=x\1y"), CallerEnvironment.original(own));
    }

    @Test
    void withoutAListingItIsTheProcessesOwn() {
        assertEquals(List.of("B=2", "A=1"), CallerEnvironment.original(List.of("B=2", "_JAVA_SR_SIGNUM=63", "A=1")));
    }
}
