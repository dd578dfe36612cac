package dev.caisson.cli;

import org.slf4j.LoggerFactory;

/**
 * Settings of the log. Levels of single loggers can be set with {@code -Dorg.slf4j.simpleLogger.log.NAME=LEVEL} in
 * {@code CAISSON_JAVA_OPTIONS}.
 *
 * @param file where to, or null for standard error
 * @param isDebug whether debug messages are wanted
 */
record Logging(String file, boolean isDebug) {
    private static final String PREFIX = "org.slf4j.simpleLogger.";

    /** Sets the logging backend up; it reads its settings once, when the first logger is made. */
    void apply() {
        // Without --log, standard error belongs to the program: only what it dies of is worth a line there.
        String level = isDebug ? "debug" : file != null ? "info" : "error";
        set("defaultLogLevel", level);
        set("showDateTime", file != null ? "true" : "false");
        if (file != null) {
            set("dateTimeFormat", "HH:mm:ss.SSS"); // all of the JDK's calendars and locales come with it
        }
        set("showThreadName", isDebug || file != null ? "true" : "false");
        set("showShortLogName", "true");
        set("cacheOutputStream", "true"); // Gogo puts streams of its own in the place of System.err
        if (file != null) {
            set("logFile", file);
        }
        // Named here, nobody opens each jar of the class path to look for it; and that needs no line of SLF4J's in the log.
        setWhole("slf4j.provider", "org.slf4j.simple.SimpleServiceProvider");
        setWhole("slf4j.internal.verbosity", "WARN");
        LoggerFactory.getILoggerFactory(); // on this thread: SLF4J has a lot to say when two threads make its first loggers
    }

    /** {@return whether debug messages are wanted, by whatever way} */
    static boolean isDebugSet() {
        return "debug".equals(System.getProperty(PREFIX + "defaultLogLevel"));
    }

    private static void set(String key, String value) {
        setWhole(PREFIX + key, value);
    }

    private static void setWhole(String key, String value) {
        if (System.getProperty(key) == null) {
            System.setProperty(key, value);
        }
    }
}
