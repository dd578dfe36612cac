package dev.caisson.cli.setup;

import java.util.ArrayList;
import java.util.List;

/**
 * The text of a JSON object (RFC 8259), in which single members are put and removed. All else stays as somebody has written it: order,
 * blanks, the form of numbers. Nothing is decoded but the names on the way.
 */
final class JsonText {
    /** A member: its name starts at {@code start}, its value lies between {@code value} and {@code end}. */
    private record Member(String name, int start, int value, int end) {}

    /** An object between two braces. */
    private record Scope(int open, List<Member> members, int close) {}

    private static final String STEP = "    ";

    private final String text;
    private int at;

    private JsonText(String text) {
        this.text = text;
    }

    /**
     * Puts a member.
     *
     * @param text an object
     * @param path names of objects, which are made where they are missing, and of the member
     * @param value JSON on one line
     * @return the text with the member, which is the last one if it was not there
     * @throws IllegalArgumentException if the text is no JSON, or the path leads through something that is no object; the message has the line
     */
    static String put(String text, List<String> path, String value) {
        JsonText json = new JsonText(text);
        Scope scope = json.whole();
        for (int depth = 0; depth < path.size(); depth++) {
            Member member = json.member(scope, path.get(depth));
            boolean isLast = depth == path.size() - 1;
            if (member == null) {
                return json.append(scope, path.subList(depth, path.size()), value);
            }
            if (isLast) {
                return text.substring(0, member.value()) + value + text.substring(member.end());
            }
            scope = json.inside(member);
        }
        throw new IllegalArgumentException("no path");
    }

    /**
     * Removes a member, and objects on the way to it that are empty then.
     *
     * @param text an object
     * @param path names of objects, and of the member
     * @return the text without the member; the same text if it is not there
     * @throws IllegalArgumentException as {@link #put}
     */
    static String remove(String text, List<String> path) {
        JsonText json = new JsonText(text);
        Scope scope = json.whole();
        Scope where = null;
        Member what = null;
        for (int depth = 0; depth < path.size(); depth++) {
            Member member = json.member(scope, path.get(depth));
            if (member == null) {
                return text;
            }
            if (depth == 0 || scope.members().size() > 1) {
                where = scope;
                what = member; // with it go objects that have nothing else
            }
            if (depth < path.size() - 1) {
                scope = json.inside(member);
            }
        }
        return json.without(where, what);
    }

    /**
     * Finds a member.
     *
     * @param text an object
     * @param path names of objects, and of the member
     * @return the text of its value, or null
     * @throws IllegalArgumentException as {@link #put}
     */
    static String find(String text, List<String> path) {
        JsonText json = new JsonText(text);
        Scope scope = json.whole();
        for (int depth = 0; depth < path.size(); depth++) {
            Member member = json.member(scope, path.get(depth));
            if (member == null) {
                return null;
            }
            if (depth == path.size() - 1) {
                return text.substring(member.value(), member.end());
            }
            scope = json.inside(member);
        }
        return text;
    }

    /**
     * A JSON string.
     *
     * @param text what it means
     * @return with quotation marks
     */
    static String quote(String text) {
        return com.grack.nanojson.JsonWriter.string(text);
    }

    private Scope whole() {
        at = 0;
        blank();
        Scope scope = object();
        blank();
        if (at < text.length()) {
            throw wrong("the end of the file");
        }
        return scope;
    }

    private Scope inside(Member member) {
        at = member.value();
        if (text.charAt(at) != '{') {
            throw new IllegalArgumentException("line " + line() + ": \"" + member.name() + "\" is no object");
        }
        return object();
    }

    private Member member(Scope scope, String name) {
        Member found = null;
        for (Member member : scope.members()) {
            if (member.name().equals(name)) {
                if (found != null) {
                    at = member.start();
                    throw new IllegalArgumentException("line " + line() + ": \"" + name + "\" is there twice");
                }
                found = member;
            }
        }
        return found;
    }

    private String append(Scope scope, List<String> path, String value) {
        boolean isEmpty = scope.members().isEmpty();
        // As the first member stands behind the brace, so do new ones; where there is none, as on lines of their own.
        String outer = indentation(scope.open());
        String before = isEmpty ? "\n" + outer + step() : text.substring(scope.open() + 1, scope.members().getFirst().start());
        StringBuilder member = new StringBuilder(before).append(quote(path.getFirst())).append(": ");
        String deeper = before;
        for (String name : path.subList(1, path.size())) {
            deeper = deeper.indexOf('\n') < 0 ? "" : deeper + step();
            member.append('{').append(deeper).append(quote(name)).append(": ");
        }
        member.append(value);
        for (int depth = path.size() - 2; depth >= 0; depth--) {
            deeper = deeper.isEmpty() ? "" : deeper.substring(0, deeper.length() - step().length());
            member.append(deeper).append('}');
        }
        if (isEmpty) {
            return text.substring(0, scope.open() + 1) + member + "\n" + outer + text.substring(scope.close());
        }
        int end = scope.members().getLast().end();
        return text.substring(0, end) + "," + member + text.substring(end);
    }

    private String without(Scope scope, Member member) {
        List<Member> all = scope.members();
        int index = all.indexOf(member);
        if (all.size() == 1) {
            return text.substring(0, scope.open() + 1) + text.substring(scope.close());
        }
        if (index == all.size() - 1) {
            return text.substring(0, all.get(index - 1).end()) + text.substring(member.end());
        }
        return text.substring(0, member.start()) + text.substring(all.get(index + 1).start());
    }

    /** The blanks before the first word of a line. */
    private String indentation(int position) {
        int start = text.lastIndexOf('\n', position - 1) + 1;
        int end = start;
        while (end < text.length() && (text.charAt(end) == ' ' || text.charAt(end) == '\t')) {
            end++;
        }
        return text.substring(start, Math.min(end, position));
    }

    /** By how much the members of the file's object are indented. */
    private String step() {
        int saved = at;
        Scope scope = whole();
        at = saved;
        if (!scope.members().isEmpty()) {
            String blanks = text.substring(scope.open() + 1, scope.members().getFirst().start());
            int newLine = blanks.lastIndexOf('\n');
            if (newLine >= 0 && newLine < blanks.length() - 1) {
                return blanks.substring(newLine + 1);
            }
        }
        return STEP;
    }

    private Scope object() {
        int open = at;
        expect('{');
        List<Member> members = new ArrayList<>();
        blank();
        while (next() != '}') {
            if (!members.isEmpty()) {
                expect(',');
                blank();
            }
            int start = at;
            String name = string();
            blank();
            expect(':');
            blank();
            int value = at;
            value();
            members.add(new Member(name, start, value, at));
            blank();
        }
        expect('}');
        return new Scope(open, members, at - 1);
    }

    private void value() {
        switch (next()) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> string();
            default -> word();
        }
    }

    private void array() {
        expect('[');
        blank();
        boolean isFirst = true;
        while (next() != ']') {
            if (!isFirst) {
                expect(',');
                blank();
            }
            isFirst = false;
            value();
            blank();
        }
        expect(']');
    }

    /** A number, true, false or null; whoever reads the file for its meaning says what else is wrong with it. */
    private void word() {
        int start = at;
        while (at < text.length() && (Character.isLetterOrDigit(text.charAt(at)) || "+-.".indexOf(text.charAt(at)) >= 0)) {
            at++;
        }
        if (at == start) {
            throw wrong("a value");
        }
    }

    private String string() {
        int start = at;
        expect('"');
        while (at < text.length() && next() != '"') {
            at += next() == '\\' ? 2 : 1;
        }
        expect('"');
        String quoted = text.substring(start, at);
        try {
            return (String) com.grack.nanojson.JsonParser.any().from(quoted);
        } catch (com.grack.nanojson.JsonParserException e) {
            at = start;
            throw wrong("a string");
        }
    }

    private void blank() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    /** The next character; 0 at the end. */
    private char next() {
        return at < text.length() ? text.charAt(at) : 0;
    }

    private void expect(char wanted) {
        if (next() != wanted) {
            throw wrong("'" + wanted + "'");
        }
        at++;
    }

    private int line() {
        return 1 + (int) text.substring(0, Math.min(at, text.length())).chars().filter(each -> each == '\n').count();
    }

    private IllegalArgumentException wrong(String wanted) {
        return new IllegalArgumentException("line " + line() + ": " + wanted + " is expected, not "
                + (at < text.length() ? "'" + text.charAt(at) + "'" : "the end"));
    }
}
