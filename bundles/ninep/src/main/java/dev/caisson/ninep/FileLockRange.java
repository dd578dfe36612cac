package dev.caisson.ninep;

/**
 * A record lock of Tgetlock and Rgetlock: {@code type[1] start[8] length[8] proc_id[4] client_id[s]}; Tlock has {@code flags[4]} behind
 * the type.
 *
 * @param type {@code LOCK_*} of {@link Protocol}
 * @param start first byte
 * @param lengthBytes 0 for up to the end
 * @param process id of the owner on its machine
 * @param client the owner's machine
 */
public record FileLockRange(int type, long start, long lengthBytes, int process, String client) {
    /** Longest name of a client. */
    private static final int CLIENT_BYTES = 255;

    /**
     * Reads it.
     *
     * @param in the message
     * @return the lock
     */
    public static FileLockRange read(WireReader in) {
        return new FileLockRange(in.u8(), in.u64(), in.u64(), in.u32(), in.string(CLIENT_BYTES));
    }

    /**
     * Writes it.
     *
     * @param out the message
     */
    public void write(WireWriter out) {
        out.u8(type).u64(start).u64(lengthBytes).u32(process).string(client);
    }
}
