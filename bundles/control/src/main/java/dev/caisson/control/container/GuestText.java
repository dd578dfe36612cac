package dev.caisson.control.container;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** Text of a configuration as guests see it: one character per byte of its UTF-8. */
final class GuestText {
    private GuestText() {}

    static String of(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /** The other way round. */
    static String text(String raw) {
        return new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    static List<String> of(List<String> texts) {
        return texts.stream().map(GuestText::of).toList();
    }
}
