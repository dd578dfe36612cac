package dev.caisson.fs.proc;

import dev.caisson.kernel.Task;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Paths;

/** Locations as paths, seen from the looker's root. */
final class ProcPaths {
    private ProcPaths() {}

    static String of(Location location, Task caller) {
        return Paths.of(location, caller.fs().root());
    }
}
