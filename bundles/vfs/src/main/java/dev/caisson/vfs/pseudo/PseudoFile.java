package dev.caisson.vfs.pseudo;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * A regular file whose text is made when it is read from its beginning, and stays the same for that open file until it is read from the
 * beginning again.
 */
public class PseudoFile extends PseudoInode {
    /** Makes the text; characters are bytes. */
    @FunctionalInterface
    public interface Content {
        /**
         * Makes the text.
         *
         * @return all of it
         * @throws ErrnoException for read(2): ESRCH when the process is gone
         */
        String text() throws ErrnoException;
    }

    /** Takes what the guest writes. */
    @FunctionalInterface
    public interface Setter {
        /**
         * Takes the bytes of one write(2).
         *
         * @param text at most 4095 bytes, as they came
         * @throws ErrnoException EINVAL, EPERM, ERANGE
         */
        void set(String text) throws ErrnoException;
    }

    private static final int WRITE_BYTES = 4095;

    private final Content content;
    private final Setter setter;

    /**
     * A file that can only be read.
     *
     * @param fileSystem where it lives
     * @param permissions permission bits
     * @param content makes its text
     */
    public PseudoFile(FileSystem fileSystem, int permissions, Content content) {
        this(fileSystem, permissions, content, null);
    }

    /**
     * A file that can be written, if a setter is given.
     *
     * @param fileSystem where it lives
     * @param permissions permission bits
     * @param content makes its text
     * @param setter takes what is written, or null
     */
    public PseudoFile(FileSystem fileSystem, int permissions, Content content, Setter setter) {
        super(fileSystem, Stat.S_IFREG | permissions);
        this.content = content;
        this.setter = setter;
    }

    /** Truncation at open is accepted, like Linux does for files of proc; all else is refused. */
    @Override
    public void change(AttributeChange change) throws ErrnoException {
        if ((change.fields() & ~(AttributeChange.SIZE | AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME)) != 0) {
            throw EPERM.error();
        }
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        return new TextFile();
    }

    private final class TextFile extends OpenFile {
        /** What this open file shows; null before the first read. Guarded by this. */
        private byte[] text;

        @Override
        public synchronized long read(IoBuffer target, long position) throws ErrnoException {
            if (text == null || position == 0) {
                text = content.text().getBytes(StandardCharsets.ISO_8859_1);
            }
            if (position >= text.length) {
                return 0;
            }
            return target.put(MemorySegment.ofArray(text), position, text.length - position);
        }

        @Override
        public long write(IoBuffer source, long position) throws ErrnoException {
            if (setter == null) {
                throw EINVAL.error();
            }
            long length = source.remaining();
            if (length > WRITE_BYTES) {
                throw EINVAL.error("a setting of at most one page");
            }
            byte[] bytes = new byte[(int) length];
            long taken = source.get(MemorySegment.ofArray(bytes), 0, length);
            setter.set(new String(bytes, 0, (int) taken, StandardCharsets.ISO_8859_1));
            return taken;
        }

        @Override
        public long append(IoBuffer source) throws ErrnoException {
            return write(source, NO_POSITION);
        }

        @Override
        public long sizeBytes() throws ErrnoException {
            throw EINVAL.error();
        }
    }
}
