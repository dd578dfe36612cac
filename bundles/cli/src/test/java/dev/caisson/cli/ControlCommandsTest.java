package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import org.junit.jupiter.api.Test;

class ControlCommandsTest {
    private static JsonObject state(String json) throws JsonParserException {
        return JsonParser.object().from(json);
    }

    @Test
    void aTableHasColumnsAsWideAsTheirWidestCell() throws JsonParserException {
        JsonArray states = new JsonArray();
        states.add(state("""
                {"id":"a-long-name","pid":7,"status":"running","platform":"kvm","rootfs":"overlay","network":"none","syscalls":"linux",
                 "command":["sh","-c","x"],"tasks":3}"""));
        states.add(state("{\"id\":\"b\",\"pid\":12345,\"status\":\"created\",\"command\":[\"y\"]}"));
        assertEquals("""
                ID           PID    STATUS   PLATFORM  ROOTFS   NETWORK  SYSCALLS  COMMAND
                a-long-name  7      running  kvm       overlay  none     linux     sh -c x
                b            12345  created  -         -        -        -         y""", ControlCommands.table(states));
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
}
