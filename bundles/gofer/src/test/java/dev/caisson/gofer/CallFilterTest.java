package dev.caisson.gofer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CallFilterTest {
    @Test void thePageListsWhatTheFilterAllows() throws Exception {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(root.resolve("docs"))) {
            root = root.getParent();
        }
        assertEquals(Files.readString(root.resolve("docs/gofer-calls.md")), CallFilter.page(),
            "write docs/gofer-calls.md anew with the main method of CallFilter");
    }

    @Test void noCallIsJudgedTwice() {
        Map<Integer, String> names = new HashMap<>();
        for (List<CallFilter.Group> groups : List.of(CallFilter.ALLOWED, CallFilter.DEADLY)) {
            for (CallFilter.Group group : groups) {
                for (CallFilter.Call call : group.calls()) {
                    assertEquals(null, names.put(call.number(), call.name()), call.name());
                }
            }
        }
        assertTrue(names.size() > 100);
    }
}
