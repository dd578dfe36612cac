package dev.caisson.fs.proc;

import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.unix.UnixSocket;
import dev.caisson.kernel.unix.UnixStatus;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * /proc/net/unix, in the columns of net/unix/af_unix.c.
 *
 * <p>Deviation: sockets that nothing but a message holds (SCM_RIGHTS) are not listed, and the count of references is a guess.
 */
final class UnixText {
    private static final int ACCEPTS = 0x10000;
    private static final int UNCONNECTED = 1;
    private static final int CONNECTED = 3;
    /** Added to the above where there is no file yet. */
    private static final int UNACCEPTED = -1;
    private static final int FAMILY_BYTES = 2;

    private UnixText() {}

    static String all(Kernel kernel) {
        StringBuilder text = new StringBuilder("Num       RefCount Protocol Flags    Type St Inode Path\n");
        Set<UnixSocket> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (GuestProcess process : kernel.rootPids().processes()) {
            for (Task task : process.tasks()) {
                FdTable table = task.fds();
                if (table != null) {
                    add(text, table, seen);
                }
            }
        }
        return text.toString();
    }

    private static void add(StringBuilder text, FdTable table, Set<UnixSocket> seen) {
        for (int fd : table.descriptors()) {
            FileDescription description = table.peek(fd);
            if (description != null && description.file() instanceof UnixSocket socket && seen.add(socket)) {
                socket.status().forEach(status -> add(text, status));
            }
        }
    }

    private static void add(StringBuilder text, UnixStatus status) {
        int state = (status.isConnected() ? CONNECTED : UNCONNECTED) + (status.inode() == 0 ? UNACCEPTED : 0);
        text.append(String.format("%016x: %08X %08X %08X %04X %02X %5d", 0, status.isConnected() ? 3 : 2, 0, status.isListening() ? ACCEPTS : 0,
                status.type(), state, status.inode()));
        byte[] address = status.address();
        if (address.length > FAMILY_BYTES) {
            boolean isAbstract = address[FAMILY_BYTES] == 0;
            int end = isAbstract ? address.length : address.length - 1; // a path ends with a NUL
            String name = new String(address, FAMILY_BYTES, end - FAMILY_BYTES, StandardCharsets.ISO_8859_1);
            text.append(' ').append(isAbstract ? name.replace('\0', '@') : name);
        }
        text.append('\n');
    }
}
