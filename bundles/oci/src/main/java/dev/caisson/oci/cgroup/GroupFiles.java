package dev.caisson.oci.cgroup;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Who changes the files of control groups: it may take more rights than this process has. */
public interface GroupFiles {
    /** This process. */
    GroupFiles DIRECT = new GroupFiles() {
        @Override
        public void makeDirectory(Path directory) throws IOException {
            if (!Files.isDirectory(directory)) {
                Files.createDirectory(directory);
            }
        }

        @Override
        public boolean makeNew(Path directory) throws IOException {
            try {
                Files.createDirectory(directory);
                return true;
            } catch (FileAlreadyExistsException e) {
                return false;
            }
        }

        @Override
        public void write(Path file, String text) throws IOException {
            Files.write(file, text.getBytes(StandardCharsets.UTF_8), StandardOpenOption.WRITE);
        }
    };

    /**
     * Makes a directory, unless there is one.
     *
     * @param directory its path
     * @throws IOException when that fails
     */
    void makeDirectory(Path directory) throws IOException;

    /**
     * Makes a directory that nobody else has.
     *
     * @param directory its path
     * @return false when there is one
     * @throws IOException when that fails
     */
    default boolean makeNew(Path directory) throws IOException {
        if (Files.exists(directory)) {
            return false;
        }
        makeDirectory(directory);
        return true;
    }

    /**
     * Writes to a file that there is.
     *
     * @param file its path
     * @param text all of one write(2)
     * @throws IOException when that fails
     */
    void write(Path file, String text) throws IOException;
}
