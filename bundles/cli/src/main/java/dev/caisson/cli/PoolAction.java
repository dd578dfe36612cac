package dev.caisson.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What {@code caisson pool} can be told. */
enum PoolAction {
    /** Keep sandboxes ready. */
    START,
    /** End them. */
    STOP,
    /** Show them. */
    STATUS;

    /** How they are written. */
    static final List<String> WORDS = Arrays.stream(values()).map(action -> action.name().toLowerCase(Locale.ROOT)).toList();
    /** More sandboxes than this in one pool are a mistake. */
    static final int MOST = 100;

    static PoolAction of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
