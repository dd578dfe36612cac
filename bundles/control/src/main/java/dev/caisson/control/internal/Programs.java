package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.control.SandboxException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;
import java.util.List;

/** Finds a program as a shell does: by PATH unless its name contains a slash. */
final class Programs {
    private static final int X_OK = 1;
    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private Programs() {}

    /**
     * Finds.
     *
     * @param vfs the files
     * @param caller whose directory, root and rights count
     * @param name as on the command line
     * @param environment holds PATH
     * @return a path to execute
     * @throws SandboxException with 127 when there is none, 126 when there is one that cannot be executed
     */
    static String find(Vfs vfs, BootCaller caller, String name, List<String> environment) throws SandboxException {
        if (name.indexOf('/') >= 0) {
            check(vfs, caller, name, name);
            return name;
        }
        String path = DEFAULT_PATH;
        for (String entry : environment) {
            if (entry.startsWith("PATH=")) {
                path = entry.substring(5);
            }
        }
        SandboxException refused = null;
        for (String directory : name.isEmpty() ? new String[0] : path.split(":", -1)) {
            String candidate = directory.isEmpty() ? "./" + name : directory + "/" + name;
            try {
                check(vfs, caller, candidate, name);
                return candidate;
            } catch (SandboxException e) {
                if (e.exitStatus() == SandboxException.NOT_EXECUTABLE && refused == null) {
                    refused = e;
                }
            }
        }
        throw refused != null ? refused
                : new SandboxException(SandboxException.NOT_FOUND, name + ": command not found in the sandbox's PATH " + path);
    }

    private static void check(Vfs vfs, BootCaller caller, String path, String name) throws SandboxException {
        try {
            Location location = vfs.resolve(caller, null, path, PathWalker.FOLLOW);
            Inode inode = location.inode();
            if ((inode.mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                throw new SandboxException(SandboxException.NOT_EXECUTABLE, name + ": is a directory");
            }
            vfs.access(location, X_OK, caller.credentials());
        } catch (ErrnoException e) {
            throw failure(name, e.errno());
        }
    }

    /** The failure to start a program, with the exit status that a shell gives it. */
    static SandboxException failure(String name, Errno errno) {
        boolean isMissing = errno == Errno.ENOENT || errno == Errno.ENOTDIR;
        return new SandboxException(isMissing ? SandboxException.NOT_FOUND : SandboxException.NOT_EXECUTABLE,
                name + ": " + errno.text());
    }
}
