package dev.caisson.cli.doctor;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What the checks ask the machine; tests have machines of their own. */
interface Machine {
    /** What access(2) can be asked for. */
    enum Access { EXISTS, READ, WRITE, EXECUTE }

    /**
     * A file of a directory.
     *
     * @param name its name
     * @param bytes how many it has
     * @param modifiedMs when it was changed, in milliseconds since 1970
     */
    record Entry(String name, long bytes, long modifiedMs) {}

    /**
     * Who can change a file.
     *
     * @param owner user id
     * @param mode permission bits
     */
    record Rights(int owner, int mode) {}

    /**
     * What came of trying something.
     *
     * @param isGood whether it worked
     * @param text how well, or why not
     */
    record Trial(boolean isGood, String text) {}

    /**
     * Reads a file.
     *
     * @param path absolute
     * @return its text, or null when it cannot be read
     */
    String text(String path);

    /**
     * Asks for access.
     *
     * @param path absolute
     * @param access to what
     * @return whether this process has it
     */
    boolean can(String path, Access access);

    /**
     * Lists a directory.
     *
     * @param path absolute
     * @return its files in order of their names; none when it cannot be read
     */
    List<Entry> list(Path path);

    /**
     * Asks for the rights of a file.
     *
     * @param path absolute
     * @return the rights, or null when there is no such file
     */
    Rights rights(Path path);

    /** {@return the effective user id of this process} */
    int user();

    /**
     * A property of the Java runtime.
     *
     * @param name its name
     * @return its value, or null
     */
    String property(String name);

    /** {@return whether openat2(2) is there} */
    boolean hasOpenat2();

    /** {@return whether a process can have a user namespace of its own, by trying} */
    Trial userNamespace();

    /** {@return every platform of the distribution, by trying it: how long an event takes, or why it does not work; null without a boot plan} */
    Map<String, Trial> platforms();
}
