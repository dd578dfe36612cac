package dev.caisson.cli.doctor;

import com.grack.nanojson.JsonObject;
import java.util.Locale;

/**
 * One thing that was looked at.
 *
 * @param check its name, one word
 * @param level how good it is
 * @param found what there is
 * @param meaning what follows from that; empty when all is well
 * @param advice what to do; empty when there is nothing
 */
record Finding(String check, Level level, String found, String meaning, String advice) {
    /** How good something is. */
    enum Level {
        /** As it should be. */
        OK,
        /** Works, but slower or with less than there could be. */
        WARNING,
        /** Keeps sandboxes or their commands from working. */
        ERROR;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Finding ok(String check, String found) {
        return new Finding(check, Level.OK, found, "", "");
    }

    static Finding warning(String check, String found, String meaning, String advice) {
        return new Finding(check, Level.WARNING, found, meaning, advice);
    }

    static Finding error(String check, String found, String meaning, String advice) {
        return new Finding(check, Level.ERROR, found, meaning, advice);
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject();
        json.put("check", check);
        json.put("level", level.word());
        json.put("found", found);
        if (!meaning.isEmpty()) {
            json.put("meaning", meaning);
        }
        if (!advice.isEmpty()) {
            json.put("advice", advice);
        }
        return json;
    }
}
