package dev.caisson.cli.setup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTextTest {
    private static final List<String> PATH = List.of("runtimes", "caisson");

    @Test
    void aMemberIsPutBehindTheOthersAndTheRestStaysAsItWas() {
        String text = "{\n  \"log-level\" :  \"warn\",\n  \"n\": 1.50e3,\n  \"runtimes\": {\n    \"kata\": {\"path\": \"/k\"}\n  },\n  \"z\": []\n}\n";
        String changed = JsonText.put(text, PATH, "{\"path\": \"/c\"}");
        assertEquals("{\n  \"log-level\" :  \"warn\",\n  \"n\": 1.50e3,\n  \"runtimes\": {\n    \"kata\": {\"path\": \"/k\"},\n"
                + "    \"caisson\": {\"path\": \"/c\"}\n  },\n  \"z\": []\n}\n", changed);
        assertEquals(text, JsonText.remove(changed, PATH));
    }

    @Test
    void objectsOnTheWayAreMadeInTheStyleOfTheFile() {
        String text = "{\n\t\"a\": 1\n}\n";
        String changed = JsonText.put(text, PATH, "1");
        assertEquals("{\n\t\"a\": 1,\n\t\"runtimes\": {\n\t\t\"caisson\": 1\n\t}\n}\n", changed);
        assertEquals(text, JsonText.remove(changed, PATH));
    }

    @Test
    void anEmptyObjectGetsLinesOfItsOwn() {
        assertEquals("{\n    \"runtimes\": {\n        \"caisson\": 1\n    }\n}\n", JsonText.put("{\n}\n", PATH, "1"));
        assertEquals("{\n    \"runtimes\": {\n        \"caisson\": 1\n    }\n}", JsonText.put("{}", PATH, "1"));
    }

    @Test
    void aFileOfOneLineStaysOne() {
        assertEquals("{\"a\":1,\"runtimes\": {\"caisson\": 1}}", JsonText.put("{\"a\":1}", PATH, "1"));
        assertEquals("{\"a\":1}", JsonText.remove("{\"a\":1,\"runtimes\": {\"caisson\": 1}}", PATH));
    }

    @Test
    void aValueIsReplacedInItsPlace() {
        assertEquals("{\"runtimes\": {\"caisson\": 2, \"b\": 3}}", JsonText.put("{\"runtimes\": {\"caisson\": {\"x\": [1, {}]}, \"b\": 3}}", PATH, "2"));
    }

    @Test
    void theFirstOfSeveralMembersIsRemoved() {
        assertEquals("{\"runtimes\": {\"b\": 3}}", JsonText.remove("{\"runtimes\": {\"caisson\": 2, \"b\": 3}}", PATH));
    }

    @Test
    void whatIsNotThereIsNotRemoved() {
        String text = "{ \"runtimes\" : { } }";
        assertEquals(text, JsonText.remove(text, PATH));
        assertNull(JsonText.find(text, PATH));
        assertEquals("{ }", JsonText.find(text, List.of("runtimes")));
    }

    @Test
    void namesAreComparedByTheirMeaning() {
        assertEquals("5", JsonText.find("{\"run\\u0074imes\": {\"a\\\"}\": 1, \"caisson\": 5}}", PATH));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{", "{\"a\"}", "{\"a\": }", "{\"a\": 1,}", "{\"a\": 1} x", "{\"a\": \"b}", "{'a': 1}", "{\"a\": 1 \"b\": 2}",
        "{\"runtimes\": 3}", "{\"runtimes\": {}, \"runtimes\": {}}", "{\"a\": \"\\"})
    void whatIsNoJsonIsRefusedWithItsLine(String text) {
        String message = assertThrows(IllegalArgumentException.class, () -> JsonText.put("\n" + text, PATH, "1")).getMessage();
        assertTrue(message.startsWith("line 2: "), message);
    }

    @Test
    void whatComesOutIsJson() throws JsonParserException {
        for (String text : List.of("{}", "{ }", "{\n}", "{\"runtimes\":{}}", "{\"runtimes\":\n{ }\n}", "{\"runtimes\":{\"x\":{\"path\":\"p\"}}}", "{\n \"a\": [ 1,\n2 ]}")) {
            assertEquals("/c", JsonParser.object().from(JsonText.put(text, PATH, "{\"path\": \"/c\"}")).getObject("runtimes")
                    .getObject("caisson").getString("path"), text);
        }
    }
}
