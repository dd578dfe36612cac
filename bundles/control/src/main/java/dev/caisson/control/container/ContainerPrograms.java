package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.control.SandboxException;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;
import java.util.List;
import java.util.Locale;

/** Finds a container's program as runc does, and says what is wrong in its words, which Docker and others look for. */
final class ContainerPrograms {
    private static final int X_OK = 1;

    private ContainerPrograms() {}

    /**
     * Finds.
     *
     * @param vfs the files
     * @param caller whose directory, root and rights count
     * @param name the first argument
     * @param environment holds PATH
     * @return a path to execute
     * @throws SandboxException with 127 when there is none, 126 when there is one that cannot be executed
     */
    static String find(Vfs vfs, Caller caller, String name, List<String> environment) throws SandboxException {
        if (name.indexOf('/') >= 0) {
            Errno problem = check(vfs, caller, name);
            if (problem != null) {
                throw failure(name, problem);
            }
            return name;
        }
        String path = "";
        for (String entry : environment) {
            if (entry.startsWith("PATH=")) {
                path = entry.substring(5);
            }
        }
        Errno refusal = null;
        for (String directory : path.isEmpty() ? new String[0] : path.split(":", -1)) {
            String candidate = directory.isEmpty() ? "./" + name : directory + "/" + name;
            Errno problem = check(vfs, caller, candidate);
            if (problem == null) {
                return candidate;
            }
            refusal = problem == Errno.EACCES ? problem : refusal;
        }
        if (refusal != null) {
            throw failure(name, refusal);
        }
        throw new SandboxException(SandboxException.NOT_FOUND, "exec: " + quoted(name) + ": executable file not found in $PATH");
    }

    /** What is wrong with a program; null when it can be executed. */
    private static Errno check(Vfs vfs, Caller caller, String path) {
        try {
            Location location = vfs.resolve(caller, null, path, PathWalker.FOLLOW);
            if ((location.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                return Errno.EISDIR;
            }
            vfs.access(location, X_OK, caller.credentials());
            return null;
        } catch (ErrnoException e) {
            return e.errno();
        }
    }

    /** The failure to start a program, with the exit status that a shell gives it. */
    static SandboxException failure(String name, Errno errno) {
        boolean isMissing = errno == Errno.ENOENT || errno == Errno.ENOTDIR;
        String text = errno.text().toLowerCase(Locale.ROOT);
        return new SandboxException(isMissing ? SandboxException.NOT_FOUND : SandboxException.NOT_EXECUTABLE,
                "exec: " + quoted(name) + ": " + (isMissing ? "stat " + name + ": " : "") + text);
    }

    private static String quoted(String name) {
        return '"' + name + '"';
    }
}
