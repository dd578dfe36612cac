package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ControlCommandsTest {
    private static JsonObject state(String json) throws JsonParserException {
        return JsonParser.object().from(json);
    }

    @Test
    void aTableHasColumnsAsWideAsTheirWidestCell() throws JsonParserException {
        JsonArray states = new JsonArray();
        states.add(state("""
                {"id":"a-long-name","pid":7,"status":"running","platform":"kvm","rootfs":"overlay","rootfsUpper":"memory","network":"none","syscalls":"linux",
                 "command":["sh","-c","x"],"tasks":3}"""));
        states.add(state("{\"id\":\"b\",\"pid\":12345,\"status\":\"created\",\"bundle\":\"/b\",\"created\":\"t\",\"owner\":\"root\",\"command\":[\"y\"]}"));
        assertEquals("""
                ID           PID    STATUS   BUNDLE  CREATED  OWNER  PLATFORM  ROOTFS   UPPER   NETWORK  SYSCALLS  COMMAND
                a-long-name  7      running  -       -        -      kvm       overlay  memory  none     linux     sh -c x
                b            12345  created  /b      t        root   -         -        -       -        -         y""", ControlCommands.table(states));
    }

    @Test
    void aProgramsArgumentsCannotControlTheTerminal() throws JsonParserException {
        JsonArray states = new JsonArray();
        states.add(state("{\"id\":\"x\",\"command\":[\"a\\u001b[2J\\n\",\"b\"]}"));
        String last = ControlCommands.table(states).lines().toList().getLast();
        assertEquals("a?[2J? b", last.substring(last.length() - 8));
    }

    @Test
    void withoutSandboxesThereIsTheHeadingOnly() {
        assertEquals(1, ControlCommands.table(new JsonArray()).lines().count());
    }

    @Test
    void aSwappedRootIsReportedWithWhatStayed() throws JsonParserException {
        Command.Swap swap = new Command.Swap(null, "box", "rootfs", "9p", null, Map.of());
        assertEquals("swapped rootfs overlay -> 9p, pause 3.100 ms",
                ControlCommands.report(swap, state("{\"from\":\"overlay\",\"to\":\"9p\",\"pauseMs\":\"3.100\"}")));
        assertEquals("swapped rootfs overlay -> 9p, pause 3.100 ms, 2 files stay with overlay until closed:\n  /a\n  /b?",
                ControlCommands.report(swap, state("{\"from\":\"overlay\",\"to\":\"9p\",\"pauseMs\":\"3.100\",\"stayed\":[\"/a\",\"/b\\n\"]}")));
    }
}
