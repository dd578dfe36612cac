package dev.caisson.fs.tar;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.CachedContents;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import java.io.IOException;

/** An archive that is mounted. */
final class TarFileSystem implements FileSystem {
    /** No number of Linux's, which has no such filesystem: "tar" and a zero. */
    private static final long MAGIC = 0x74617200L;
    private static final int BLOCK_BYTES = 4096;
    private static final int NAME_BYTES = 255;

    private final ArchiveFile file;
    private final CachedContents contents;
    private final long deviceId = AnonymousDevices.next();
    private final TarDirectory root;
    private final long files;

    /**
     * Reads an archive's headers.
     *
     * @param file the archive; belongs to the filesystem from now on, unless this fails
     * @param mostFiles how many files it may hold
     * @param memory where cached pages live
     * @throws IOException when the archive is not in order; the message goes on "FILE ..."
     */
    TarFileSystem(ArchiveFile file, long mostFiles, MemoryFile memory) throws IOException {
        this.file = file;
        this.contents = new CachedContents(memory, true);
        TreeBuilder tree = new TreeBuilder(this, mostFiles);
        ArchiveReader reader = new ArchiveReader(file);
        for (TarEntry entry = reader.next(); entry != null; entry = reader.next()) {
            tree.add(entry);
        }
        this.root = tree.finish();
        this.files = tree.count();
        contents.evictUnderPressure();
    }

    ArchiveFile file() {
        return file;
    }

    CachedContents contents() {
        return contents;
    }

    @Override
    public String typeName() {
        return "tar";
    }

    @Override
    public String options() {
        return "";
    }

    @Override
    public long deviceId() {
        return deviceId;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean cachesDentries() {
        return true;
    }

    @Override
    public FileSystemStatus status() {
        return new FileSystemStatus(MAGIC, BLOCK_BYTES, (file.sizeBytes() + BLOCK_BYTES - 1) / BLOCK_BYTES, 0, 0, files, 0, deviceId, NAME_BYTES);
    }

    @Override
    public void sync() {}

    @Override
    public void close() {
        contents.close();
        file.close();
    }

    /**
     * Opens and mounts an archive.
     *
     * @param path on the host, one byte per character
     * @param mostFiles how many files it may hold
     * @param mostBytes how many bytes a compressed one may hold
     * @param memory where cached pages live
     * @return the filesystem
     * @throws ErrnoException with a message: what is wrong with the archive
     */
    static TarFileSystem open(String path, long mostFiles, long mostBytes, MemoryFile memory) throws ErrnoException {
        ArchiveFile file = null;
        TarFileSystem made = null;
        try {
            file = ArchiveFile.open(path, mostBytes);
            made = new TarFileSystem(file, mostFiles, memory);
            return made;
        } catch (IOException e) {
            throw Errno.EINVAL.explained(path + " " + e.getMessage());
        } catch (ErrnoException e) {
            throw e.errno().explained("cannot open the archive " + path + ": " + e.errno().text());
        } finally {
            if (made == null && file != null) {
                file.close();
            }
        }
    }
}
