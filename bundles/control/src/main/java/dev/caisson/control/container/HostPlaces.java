package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import java.nio.file.Path;

/** Under which names this process finds files of the host, which may have another root directory than it has. */
public interface HostPlaces {
    /** The host's root directory is this process' own. */
    HostPlaces SAME = new HostPlaces() {
        @Override
        public Path of(Path host) {
            return host;
        }

        @Override
        public Path add(Path host, int tree) {
            HostFile.close(tree);
            return host;
        }
    };

    /**
     * Finds a file of the host.
     *
     * @param host its absolute path there
     * @return its path here
     */
    Path of(Path host);

    /**
     * Makes a file of the host, and what is below it, one that is found here.
     *
     * @param host its absolute path there
     * @param tree a copy of its mounts, open_tree(2), or the file itself (O_PATH); is closed
     * @return its path here, which {@link #of} gives from now on
     * @throws ErrnoException when it cannot be mounted
     */
    Path add(Path host, int tree) throws ErrnoException;
}
