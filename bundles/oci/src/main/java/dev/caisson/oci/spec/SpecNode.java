package dev.caisson.oci.spec;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One value of a document with the path that leads to it. A member that is {@code null} counts as one that is not there. */
final class SpecNode {
    private static final BigInteger UNSIGNED_LIMIT = BigInteger.ONE.shiftLeft(64);

    private final Object value;
    private final String path;
    private final List<String> warnings;

    private SpecNode(Object value, String path, List<String> warnings) {
        this.value = value;
        this.path = path;
        this.warnings = warnings;
    }

    /** The top of a document, which is an object. */
    static SpecNode document(byte[] bytes) throws OciConfigException {
        SpecNode top = new SpecNode(JsonTree.parse(bytes), "", new ArrayList<>());
        top.members();
        return top;
    }

    /** The path of a member; names that are no identifiers are quoted. */
    static String child(String path, String name) {
        boolean isPlain = !name.isEmpty() && name.chars().allMatch(c -> Character.isLetterOrDigit(c) || c == '_' || c == '-');
        if (!isPlain) {
            return path + "[\"" + name + "\"]";
        }
        return path.isEmpty() ? name : path + "." + name;
    }

    String path() {
        return path;
    }

    /** Something that is not honoured, but does not keep a container from running. */
    void warn(String problem) {
        warnings.add(new OciConfigException(path, problem).getMessage());
    }

    List<String> warnings() {
        return List.copyOf(warnings);
    }

    OciConfigException error(String problem) {
        return new OciConfigException(path, problem);
    }

    OciConfigException error(String member, String problem) {
        return new OciConfigException(child(path, member), problem);
    }

    private OciConfigException wrongType(String wanted) {
        String found = switch (value) {
            case Map<?, ?> object -> "an object";
            case List<?> array -> "an array";
            case String text -> "a string";
            case Boolean flag -> "a boolean";
            case BigDecimal number -> "a number";
            case null, default -> "nothing";
        };
        return error(wanted + " is expected, not " + found);
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> members() throws OciConfigException {
        if (!(value instanceof Map<?, ?> object)) {
            throw wrongType("an object");
        }
        return (Map<String, Object>) object;
    }

    /** {@return the member, or null} */
    SpecNode get(String name) throws OciConfigException {
        Object member = members().get(name);
        return member == null ? null : new SpecNode(member, child(path, name), warnings);
    }

    /** {@return the member, which has to be there} */
    SpecNode require(String name) throws OciConfigException {
        SpecNode member = get(name);
        if (member == null) {
            throw error(name, "is required");
        }
        return member;
    }

    /** {@return an object that is a member, or null} */
    SpecNode object(String name) throws OciConfigException {
        SpecNode member = get(name);
        if (member != null) {
            member.members();
        }
        return member;
    }

    /** {@return the elements of an array that is a member; none when it is not there} */
    List<SpecNode> list(String name) throws OciConfigException {
        SpecNode member = get(name);
        if (member == null) {
            return List.of();
        }
        if (!(member.value instanceof List<?> array)) {
            throw member.wrongType("an array");
        }
        List<SpecNode> elements = new ArrayList<>();
        for (Object element : array) {
            elements.add(new SpecNode(element, member.path + "[" + elements.size() + "]", warnings));
        }
        return elements;
    }

    /** {@return the members of an object that is a member; none when it is not there} */
    Map<String, SpecNode> map(String name) throws OciConfigException {
        SpecNode member = get(name);
        Map<String, SpecNode> all = new LinkedHashMap<>();
        if (member != null) {
            member.members().forEach((key, each) -> all.put(key, new SpecNode(each, child(member.path, key), warnings)));
        }
        return all;
    }

    Map<String, String> texts(String name) throws OciConfigException {
        Map<String, String> all = new LinkedHashMap<>();
        for (Map.Entry<String, SpecNode> each : map(name).entrySet()) {
            if (each.getKey().isEmpty() || each.getKey().indexOf('\0') >= 0) {
                throw error(name, "has a member without a name");
            }
            all.put(each.getKey(), each.getValue().text());
        }
        return all;
    }

    String text() throws OciConfigException {
        if (!(value instanceof String text)) {
            throw wrongType("a string");
        }
        return text;
    }

    /** {@return a string that is a member, or what stands for none} */
    String text(String name, String otherwise) throws OciConfigException {
        SpecNode member = get(name);
        return member == null ? otherwise : member.text();
    }

    /** {@return a string that is a member and not empty} */
    String requireText(String name) throws OciConfigException {
        String text = require(name).text();
        if (text.isEmpty()) {
            throw error(name, "is empty");
        }
        return text;
    }

    List<String> textList(String name) throws OciConfigException {
        List<String> all = new ArrayList<>();
        for (SpecNode each : list(name)) {
            all.add(each.text());
        }
        return List.copyOf(all);
    }

    /** {@return a path that is a member and begins with a slash} */
    String absolutePath(String name) throws OciConfigException {
        String text = requireText(name);
        if (!text.startsWith("/")) {
            throw error(name, "is not absolute: " + text);
        }
        return text;
    }

    List<String> absolutePaths(String name) throws OciConfigException {
        List<String> all = textList(name);
        for (int i = 0; i < all.size(); i++) {
            if (!all.get(i).startsWith("/")) {
                throw error(name, "[" + i + "] is not absolute: " + all.get(i));
            }
        }
        return all;
    }

    boolean flag(String name) throws OciConfigException {
        return Boolean.TRUE.equals(flagOrNull(name));
    }

    Boolean flagOrNull(String name) throws OciConfigException {
        SpecNode member = get(name);
        if (member == null) {
            return null;
        }
        if (!(member.value instanceof Boolean flag)) {
            throw member.wrongType("true or false");
        }
        return flag;
    }

    private BigInteger integer() throws OciConfigException {
        if (!(value instanceof BigDecimal number)) {
            throw wrongType("a number");
        }
        // An exponent of a billion is a short text and a number that fits no memory.
        if (number.scale() < -20 || number.scale() > 20) {
            throw error("is out of range: " + number);
        }
        try {
            return number.toBigIntegerExact();
        } catch (ArithmeticException e) {
            throw error("is no whole number: " + number);
        }
    }

    long number(long least, long most) throws OciConfigException {
        BigInteger whole = integer();
        if (whole.compareTo(BigInteger.valueOf(least)) < 0 || whole.compareTo(BigInteger.valueOf(most)) > 0) {
            throw error("is out of range: " + whole + ", not " + least + " to " + most);
        }
        return whole.longValue();
    }

    /** {@return a number that is a member, or null} */
    Long number(String name, long least, long most) throws OciConfigException {
        SpecNode member = get(name);
        return member == null ? null : member.number(least, most);
    }

    /** {@return a 32-bit number that is a member, or null} */
    Integer integer(String name, int least, int most) throws OciConfigException {
        Long number = number(name, least, most);
        return number == null ? null : number.intValue();
    }

    /** {@return an unsigned 64-bit number that is a member, as its 64 bits} */
    long unsigned(String name) throws OciConfigException {
        SpecNode member = require(name);
        BigInteger whole = member.integer();
        if (whole.signum() < 0 || whole.compareTo(UNSIGNED_LIMIT) >= 0) {
            throw member.error("is out of range: " + whole + ", not 0 to 18446744073709551615");
        }
        return whole.longValue();
    }
}
