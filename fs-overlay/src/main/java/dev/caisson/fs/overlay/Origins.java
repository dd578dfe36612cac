package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.FileHandle;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * Inode numbers that stay the same over copy-up and over a remount, and the mark that makes it so: the handle of the lower file.
 * <pre>
 *  off size field
 *    0    1 version 0
 *    1    1 magic 0xfb
 *    2    1 length of all
 *    3    1 flags: 1 big-endian, 2 any-endian, 4 of an upper file
 *    4    1 type of the handle
 *    5   16 UUID of the filesystem
 *   21      handle
 * </pre>
 * Source: struct ovl_fb, fs/overlayfs/overlayfs.h. Layers without handles get one of type {@link #OWN_TYPE}, which Linux never matches:
 * the layer's number and the inode's, 8 bytes each.
 */
final class Origins {
    private static final int HEADER_BYTES = 21;
    private static final int MAGIC = 0xfb;
    private static final int OWN_TYPE = 0xfc;
    private static final int BIG_ENDIAN = 1;
    private static final int ANY_ENDIAN = 2;

    /** Numbers of different filesystems differ by this, times the filesystem's number. */
    private static final long STEP = 1L << 57;

    private final FileSystem[] lowers;
    /** What is added to a layer's inode numbers; the upper layer's comes last. Layers on one filesystem of the host share it. */
    private final long[] bases;
    /** Where handles of a layer hold the inode number: offset, or -1; width 4 or 8. */
    private final int[] numberAt;
    private final int[] numberBytes;
    private final FileHandle[] roots;

    Origins(FileSystem upper, List<FileSystem> lowers) throws ErrnoException {
        int count = lowers.size();
        this.lowers = lowers.toArray(FileSystem[]::new);
        bases = new long[count + 1];
        numberAt = new int[count];
        numberBytes = new int[count];
        roots = new FileHandle[count];
        long[] devices = new long[count + 1];
        for (int i = 0; i <= count; i++) {
            Inode root = (i < count ? lowers.get(i) : upper).root();
            FileIdentity identity = root.identity();
            devices[i] = identity == null ? 0 : identity.deviceId();
            bases[i] = i * STEP;
            for (int k = 0; k < i && devices[i] != 0; k++) {
                if (devices[k] == devices[i]) {
                    bases[i] = bases[k];
                    break;
                }
            }
            if (i < count) {
                learn(i, root, identity);
            }
        }
    }

    /** Finds out where the handles of a filesystem hold the inode number: where that of the root directory has it, in one place only. */
    private void learn(int layer, Inode root, FileIdentity identity) throws ErrnoException {
        numberAt[layer] = -1;
        FileHandle handle = identity == null ? null : root.fileHandle();
        if (handle == null || handle.bytes().length < 8) {
            return;
        }
        roots[layer] = handle;
        int width = handle.bytes().length == 8 ? 4 : 8;
        for (int at = 0; at + width <= handle.bytes().length; at += 4) {
            if (number(handle.bytes(), at, width) == identity.inode()) {
                if (numberAt[layer] >= 0) {
                    numberAt[layer] = -1;
                    return;
                }
                numberAt[layer] = at;
                numberBytes[layer] = width;
            }
        }
    }

    private static long number(byte[] bytes, int at, int width) {
        long number = 0;
        for (int i = width - 1; i >= 0; i--) {
            number = number << 8 | bytes[at + i] & 0xff;
        }
        return number;
    }

    /** The layer of a lower inode; the same filesystem may serve two layers only by two instances. */
    int layerOf(Inode lower) {
        for (int i = 0; i < lowers.length; i++) {
            if (lowers[i] == lower.fileSystem()) {
                return i;
            }
        }
        throw new IllegalArgumentException("an inode of none of the layers");
    }

    long upperNumber(long number) {
        return number ^ bases[lowers.length];
    }

    long lowerNumber(int layer, long number) {
        return number ^ bases[layer];
    }

    long lowerNumber(Inode lower) {
        return lowerNumber(layerOf(lower), lower.number());
    }

    /** The mark for a copy of a lower file. */
    byte[] of(Inode lower) throws ErrnoException {
        FileHandle handle = lower.fileHandle();
        return handle != null ? encode(handle) : own(layerOf(lower), lower.number());
    }

    private static byte[] encode(FileHandle handle) {
        byte[] mark = new byte[HEADER_BYTES + handle.bytes().length];
        mark[1] = (byte) MAGIC;
        mark[2] = (byte) mark.length;
        mark[4] = (byte) handle.type();
        System.arraycopy(handle.fileSystem(), 0, mark, 5, 16);
        System.arraycopy(handle.bytes(), 0, mark, HEADER_BYTES, handle.bytes().length);
        return mark;
    }

    private static byte[] own(int layer, long number) {
        byte[] bytes = new byte[16];
        for (int i = 0; i < 8; i++) {
            bytes[i] = (byte) (layer >>> 8 * i);
            bytes[8 + i] = (byte) (number >>> 8 * i);
        }
        return encode(new FileHandle(new byte[16], OWN_TYPE, bytes));
    }

    /** The name of a lower file in the index. */
    String indexName(Inode lower) throws ErrnoException {
        return indexName(of(lower));
    }

    static String indexName(byte[] mark) {
        return HexFormat.of().formatHex(mark);
    }

    /** The number of the lower file that a mark names; 0 when it does not tell, or not to us. */
    long number(byte[] mark) {
        if (mark == null || mark.length <= HEADER_BYTES || mark[0] != 0 || (mark[1] & 0xff) != MAGIC || (mark[2] & 0xff) != mark.length
                || (mark[3] & (BIG_ENDIAN | ANY_ENDIAN)) == BIG_ENDIAN) {
            return 0;
        }
        if ((mark[4] & 0xff) == OWN_TYPE) {
            long layer = number(mark, HEADER_BYTES, 8);
            return mark.length != HEADER_BYTES + 16 || layer < 0 || layer >= lowers.length ? 0
                    : lowerNumber((int) layer, number(mark, HEADER_BYTES + 8, 8));
        }
        for (int i = 0; i < lowers.length; i++) {
            FileHandle root = roots[i];
            if (root != null && numberAt[i] >= 0 && Arrays.equals(mark, 5, HEADER_BYTES, root.fileSystem(), 0, 16)
                    && mark.length >= HEADER_BYTES + numberAt[i] + numberBytes[i]) {
                return lowerNumber(i, number(mark, HEADER_BYTES + numberAt[i], numberBytes[i]));
            }
        }
        return 0;
    }
}
