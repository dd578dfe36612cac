package dev.caisson.spi.platform;

/** Lets a platform change code of a guest, to make system calls cheaper. The change is the guest's own memory, as a debugger's would be. */
public interface CodePatcher {
    /**
     * Looks whether code is what the platform thinks it is, where {@link #replace} could change it if nobody else were there.
     *
     * @param address guest address
     * @param expected what should be there, at most 8 bytes
     * @return whether it is, in a mapping that the guest itself has no right to write
     */
    boolean holds(long address, byte[] expected);

    /**
     * Replaces code if it is what the platform thinks it is, and if the guest itself has no right to write there. Other threads may
     * execute it meanwhile: they see the old or the new code, never a mixture.
     *
     * @param address guest address
     * @param expected what should be there, at most 8 bytes
     * @param replacement as many bytes
     * @return whether it was replaced; false also when it cannot be done without a mixture being seen
     */
    boolean replace(long address, byte[] expected, byte[] replacement);

    /**
     * As {@link #replace}, for a change of several instructions: only while no other thread can be between them.
     *
     * @param address guest address
     * @param expected what should be there, at most 8 bytes
     * @param replacement as many bytes
     * @return whether it was replaced
     */
    default boolean replaceAlone(long address, byte[] expected, byte[] replacement) {
        return false;
    }

    /** {@return whether code may be changed at all; when a debugger looks at the program, changes are undone only} */
    default boolean mayChange() {
        return true;
    }
}
