package dev.caisson.oci.spec;

import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonReader;
import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON that anybody may have written into maps, lists, strings, booleans and {@link BigDecimal}s, with bounds on size and depth. A name
 * that comes twice in an object is an error: what a checker sees and what is used could be different ones.
 */
final class JsonTree {
    /** The largest document. A Kubernetes pod with a full environment has some hundred KiB. */
    static final int MOST_BYTES = 16 << 20;
    static final int MOST_DEPTH = 64;
    /** Longer numbers would take time beyond all measure to compute with. */
    private static final int MOST_DIGITS = 40;

    private final JsonReader reader;

    private JsonTree(JsonReader reader) {
        this.reader = reader;
    }

    /**
     * Reads a document.
     *
     * @param bytes UTF-8
     * @return the value at its top
     * @throws OciConfigException when it is no JSON, or beyond the bounds
     */
    static Object parse(byte[] bytes) throws OciConfigException {
        if (bytes.length > MOST_BYTES) {
            throw new OciConfigException("", "larger than " + MOST_BYTES + " bytes");
        }
        checkEncoding(bytes);
        checkBrackets(bytes);
        try {
            return new JsonTree(JsonReader.from(new ByteArrayInputStream(bytes))).value("");
        } catch (JsonParserException e) {
            throw new OciConfigException("", "no JSON: " + e.getMessage());
        }
    }

    private static void checkEncoding(byte[] bytes) throws OciConfigException {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
        } catch (CharacterCodingException e) {
            throw new OciConfigException("", "no JSON: not UTF-8");
        }
    }

    /** Brackets outside of strings: their depth, before anything recurses, and that nothing follows the last one, where the reader does not look. */
    private static void checkBrackets(byte[] bytes) throws OciConfigException {
        int depth = 0;
        boolean inString = false;
        for (int i = 0; i < bytes.length; i++) {
            byte b = bytes[i];
            if (inString) {
                if (b == '\\') {
                    i++;
                } else if (b == '"') {
                    inString = false;
                }
            } else if (b == '"') {
                inString = true;
            } else if (b == '{' || b == '[') {
                if (++depth > MOST_DEPTH) {
                    throw new OciConfigException("", "nested deeper than " + MOST_DEPTH + " levels");
                }
            } else if (b == '}' || b == ']') {
                if (--depth == 0 && !new String(bytes, i + 1, bytes.length - i - 1, StandardCharsets.UTF_8).isBlank()) {
                    throw new OciConfigException("", "no JSON: something follows the value");
                }
            }
        }
    }

    private Object value(String path) throws JsonParserException, OciConfigException {
        return switch (reader.current()) {
            case OBJECT -> object(path);
            case ARRAY -> array(path);
            case STRING -> string(path);
            case NUMBER -> number(path);
            case BOOLEAN -> reader.bool();
            case NULL -> {
                reader.nul();
                yield null;
            }
        };
    }

    private Map<String, Object> object(String path) throws JsonParserException, OciConfigException {
        Map<String, Object> members = new LinkedHashMap<>();
        reader.object();
        while (reader.next()) {
            String name = reader.key();
            String child = SpecNode.child(path, name);
            if (members.containsKey(name)) {
                throw new OciConfigException(child, "is there twice");
            }
            members.put(name, value(child));
        }
        return members;
    }

    private List<Object> array(String path) throws JsonParserException, OciConfigException {
        List<Object> elements = new ArrayList<>();
        reader.array();
        while (reader.next()) {
            elements.add(value(path + "[" + elements.size() + "]"));
        }
        return elements;
    }

    private String string(String path) throws JsonParserException, OciConfigException {
        String text = reader.string();
        if (text.indexOf('\0') >= 0) {
            throw new OciConfigException(path, "holds a NUL character");
        }
        return text;
    }

    private BigDecimal number(String path) throws JsonParserException, OciConfigException {
        String text = reader.number().toString();
        if (text.length() > MOST_DIGITS) {
            throw new OciConfigException(path, "a number of more than " + MOST_DIGITS + " characters");
        }
        try {
            return new BigDecimal(text);
        } catch (NumberFormatException e) {
            throw new OciConfigException(path, "no number: " + text);
        }
    }
}
