package dev.caisson.memory;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENAMETOOLONG;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostBytes;
import dev.caisson.spi.fs.Mappable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * The kernel's own access to guest addresses, through its mapping of the memory file.
 *
 * <p>A translation is looked up without a lock. Its frame cannot be reused while the thread is inside a {@link FrameReader} section; and a
 * store that may have gone to a frame that was replaced meanwhile (copy-on-write) is noticed by the generation, and repeated.
 */
final class GuestAccess {
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

    final Mappings mappings;
    final MemoryFile frames;
    final MemorySegment memory;
    private final long base;
    private final Translations translations;
    private final FaultHandler faults;

    GuestAccess(Mappings mappings, FaultHandler faults) {
        this.mappings = mappings;
        this.faults = faults;
        this.frames = mappings.frames;
        this.memory = frames.segment();
        this.base = memory.address();
        this.translations = mappings.translations;
    }

    /** Kernel memory for one structure, the calling thread's. */
    MemorySegment scratch(int bytes) {
        return bytes <= FrameReader.LOCAL_BYTES ? frames.reader().local() : Arena.ofAuto().allocate(bytes, 16);
    }

    long generation() {
        return translations.generation();
    }

    /** The frame of a page; EFAULT also for addresses no guest has. */
    long frameOf(long page, boolean write, int wantedPages) throws ErrnoException {
        long offset = translations.lookup(page, write ? Translations.WRITE | Translations.READ : Translations.READ);
        return offset >= 0 ? offset : faults.resolve(page, write, wantedPages, false);
    }

    void checkRange(long address, long lengthBytes) throws ErrnoException {
        long limit = mappings.layout.addressLimit;
        if (address < 0 || lengthBytes < 0 || lengthBytes > limit || address > limit - lengthBytes) {
            throw EFAULT.error();
        }
    }

    private static int pagesFor(long address, long lengthBytes) {
        return (int) Math.min(1 << 20, (address & Pages.MASK) + lengthBytes + Pages.MASK >>> Pages.SHIFT);
    }

    // ---- copies ----

    void copyIn(long address, MemorySegment target, long offset, long lengthBytes) throws ErrnoException {
        checkRange(address, lengthBytes);
        boolean isNative = target.isNative();
        long to = isNative ? addressOf(target, offset, lengthBytes) : 0;
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long done = 0;
            while (done < lengthBytes) {
                long at = address + done;
                long inPage = at & Pages.MASK;
                long step = Math.min(lengthBytes - done, Pages.SIZE - inPage);
                long frame = frameOf(at >>> Pages.SHIFT, false, 1);
                if (isNative) {
                    HostBytes.copy(to + done, place(frame, inPage, step), step);
                } else {
                    MemorySegment.copy(memory, frame + inPage, target, offset + done, step);
                }
                done += step;
            }
        } finally {
            reader.leave();
            Reference.reachabilityFence(target);
        }
    }

    /**
     * The native address of bytes in a frame. A frame is a whole page inside of the memory file by construction: translations and page tables hold
     * offsets that {@link MemoryFile} gave, never a guest's numbers. The file is ours alone, and neither it nor its mapping ever shrinks, so that the
     * memory cannot be gone.
     */
    private long place(long frame, long inPage, long bytes) {
        assert frame >= 0 && (frame & Pages.MASK) == 0 && frame <= memory.byteSize() - Pages.SIZE : frame;
        assert inPage >= 0 && bytes >= 0 && inPage + bytes <= Pages.SIZE : inPage + " " + bytes;
        return base + frame + inPage;
    }

    /** Checks a range of a native segment. */
    private static long addressOf(MemorySegment segment, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, segment.byteSize());
        return segment.address() + offset;
    }

    long copyInSome(long address, MemorySegment target, long offset, long lengthBytes) {
        long done = 0;
        while (done < lengthBytes) {
            long step = Math.min(lengthBytes - done, Pages.SIZE - (address + done & Pages.MASK));
            try {
                copyIn(address + done, target, offset + done, step);
            } catch (ErrnoException fault) {
                return done;
            }
            done += step;
        }
        return done;
    }

    void copyOut(long address, MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        write(address, source, offset, lengthBytes);
    }

    void copyOut(long address, byte[] source, int offset, int count) throws ErrnoException {
        int first = (int) Math.min(count, Pages.SIZE - (address & Pages.MASK));
        if (first < count || count == 0) {
            write(address, MemorySegment.ofArray(source), offset, count);
            return;
        }
        checkRange(address, count);
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long generation;
            do {
                generation = translations.generation();
                HostBytes.write(place(frameOf(address >>> Pages.SHIFT, true, 1), address & Pages.MASK, count), source, offset, count);
                VarHandle.fullFence();
            } while (generation != translations.generation());
        } finally {
            reader.leave();
        }
    }

    void copyOut(long address, long[] source, int count) throws ErrnoException {
        MemorySegment local = scratch(count * Long.BYTES);
        HostBytes.writeWords(local.address(), source, count);
        write(address, local, 0, (long) count * Long.BYTES);
    }

    void clear(long address, long lengthBytes) throws ErrnoException {
        write(address, null, 0, lengthBytes);
    }

    /** Writes bytes of the source, or zeros where there is none. */
    private void write(long address, MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        checkRange(address, lengthBytes);
        boolean isNative = source != null && source.isNative();
        long from = isNative ? addressOf(source, offset, lengthBytes) : 0;
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long done = 0;
            while (done < lengthBytes) {
                long at = address + done;
                long inPage = at & Pages.MASK;
                long step = Math.min(lengthBytes - done, Pages.SIZE - inPage);
                long generation;
                do {
                    generation = translations.generation();
                    long frame = frameOf(at >>> Pages.SHIFT, true, pagesFor(at, lengthBytes - done));
                    if (isNative) {
                        HostBytes.copy(place(frame, inPage, step), from + done, step);
                    } else if (source == null) {
                        memory.asSlice(frame + inPage, step).fill((byte) 0);
                    } else {
                        MemorySegment.copy(source, offset + done, memory, frame + inPage, step);
                    }
                    VarHandle.fullFence();
                } while (generation != translations.generation());
                done += step;
            }
        } finally {
            reader.leave();
            Reference.reachabilityFence(source);
        }
    }

    void forceCopyOut(long address, MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        checkRange(address, lengthBytes);
        long done = 0;
        while (done < lengthBytes) {
            long at = address + done;
            long inPage = at & Pages.MASK;
            long step = Math.min(lengthBytes - done, Pages.SIZE - inPage);
            mappings.lock.lock();
            try {
                long frame = faults.resolveLocked(at >>> Pages.SHIFT, true, 1, true);
                MemorySegment.copy(source, offset + done, memory, frame + inPage, step);
            } finally {
                mappings.lock.unlock();
            }
            done += step;
        }
    }

    long forceCopyIn(long address, MemorySegment target, long offset, long lengthBytes) {
        long done = 0;
        while (done < lengthBytes) {
            long at = address + done;
            long inPage = at & Pages.MASK;
            long step = Math.min(lengthBytes - done, Pages.SIZE - inPage);
            mappings.lock.lock();
            try {
                checkRange(at, step);
                long frame = faults.resolveLocked(at >>> Pages.SHIFT, false, 1, true);
                MemorySegment.copy(memory, frame + inPage, target, offset + done, step);
            } catch (ErrnoException fault) {
                return done;
            } finally {
                mappings.lock.unlock();
            }
            done += step;
        }
        return done;
    }

    /** Copies what is in memory already: no page is brought in, no stack grows, nobody can tell. Returns bytes copied. */
    int peek(long address, byte[] target, int lengthBytes) {
        MemorySegment bytes = MemorySegment.ofArray(target);
        int done = 0;
        FrameReader reader = frames.reader();
        reader.enter();
        mappings.lock.lock();
        try {
            while (done < lengthBytes) {
                long at = address + done;
                long inPage = at & Pages.MASK;
                int step = (int) Math.min(lengthBytes - done, Pages.SIZE - inPage);
                long frame = at < 0 ? Mappable.BEYOND_END : faults.presentLocked(at);
                if (frame == Mappable.BEYOND_END) {
                    return done;
                }
                if (frame == FaultHandler.UNTOUCHED) {
                    bytes.asSlice(done, step).fill((byte) 0);
                } else {
                    MemorySegment.copy(memory, frame + inPage, bytes, done, step);
                }
                done += step;
            }
        } finally {
            mappings.lock.unlock();
            reader.leave();
        }
        return done;
    }

    // ---- small values ----

    long readSmall(long address, int bytes) throws ErrnoException {
        checkRange(address, bytes);
        long inPage = address & Pages.MASK;
        if (inPage + bytes > Pages.SIZE) {
            MemorySegment local = frames.reader().local();
            copyIn(address, local, 0, bytes);
            return get(local, 0, bytes);
        }
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            return get(memory, frameOf(address >>> Pages.SHIFT, false, 1) + inPage, bytes);
        } finally {
            reader.leave();
        }
    }

    void writeSmall(long address, long value, int bytes) throws ErrnoException {
        checkRange(address, bytes);
        long inPage = address & Pages.MASK;
        if (inPage + bytes > Pages.SIZE) {
            MemorySegment local = frames.reader().local();
            put(local, 0, value, bytes);
            copyOut(address, local, 0, bytes);
            return;
        }
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long generation;
            do {
                generation = translations.generation();
                put(memory, frameOf(address >>> Pages.SHIFT, true, 1) + inPage, value, bytes);
                VarHandle.fullFence();
            } while (generation != translations.generation());
        } finally {
            reader.leave();
        }
    }

    private static long get(MemorySegment segment, long at, int bytes) {
        return switch (bytes) {
            case 1 -> segment.get(Layouts.U8, at);
            case 4 -> segment.get(Layouts.U32, at);
            default -> segment.get(Layouts.U64, at);
        };
    }

    private static void put(MemorySegment segment, long at, long value, int bytes) {
        switch (bytes) {
            case 1 -> segment.set(Layouts.U8, at, (byte) value);
            case 4 -> segment.set(Layouts.U32, at, (int) value);
            default -> segment.set(Layouts.U64, at, value);
        }
    }

    // ---- strings ----

    String readString(long address, int maxBytes) throws ErrnoException {
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            String text = readShort(address, maxBytes, reader);
            return text != null ? text : readLong(address, maxBytes);
        } finally {
            reader.leave();
        }
    }

    /** A short string that ends within its first page, as nearly all do; else null. One copy, then plain bytes. */
    private String readShort(long address, int maxBytes, FrameReader reader) throws ErrnoException {
        byte[] copy = reader.text();
        checkRange(address, 1);
        long inPage = address & Pages.MASK;
        int room = (int) Math.min(Math.min(maxBytes, copy.length), Pages.SIZE - inPage);
        HostBytes.read(place(frameOf(address >>> Pages.SHIFT, false, 1), inPage, room), copy, 0, room);
        int length = 0;
        while (length < room) {
            if (copy[length] == 0) {
                return new String(copy, 0, length, StandardCharsets.ISO_8859_1);
            }
            length++;
        }
        return null;
    }

    private String readLong(long address, int maxBytes) throws ErrnoException {
        // The guest may write meanwhile: each page is searched once and copied once, and the copy ends at the first NUL in it.
        byte[] first = null;
        int total = 0;
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            while (total < maxBytes) {
                long at = address + total;
                checkRange(at, 1);
                long inPage = at & Pages.MASK;
                int room = (int) Math.min(maxBytes - total, Pages.SIZE - inPage);
                long frame = frameOf(at >>> Pages.SHIFT, false, 1) + inPage;
                int length = indexOfNul(frame, room);
                byte[] piece = new byte[total + length];
                if (first != null) {
                    System.arraycopy(first, 0, piece, 0, total);
                }
                MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, frame, piece, total, length);
                if (length < room) {
                    int end = total;
                    while (end < piece.length && piece[end] != 0) {
                        end++;
                    }
                    return new String(piece, 0, end, StandardCharsets.ISO_8859_1);
                }
                first = piece;
                total += length;
            }
        } finally {
            reader.leave();
        }
        throw ENAMETOOLONG.error("no NUL");
    }

    int stringLength(long address, int maxBytes) throws ErrnoException {
        int total = 0;
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            while (total < maxBytes) {
                long at = address + total;
                checkRange(at, 1);
                long inPage = at & Pages.MASK;
                int room = (int) Math.min(maxBytes - total, Pages.SIZE - inPage);
                int length = indexOfNul(frameOf(at >>> Pages.SHIFT, false, 1) + inPage, room);
                total += length;
                if (length < room) {
                    return total;
                }
            }
        } finally {
            reader.leave();
        }
        return total;
    }

    /** Bytes before the first NUL, or {@code room}. */
    private int indexOfNul(long at, int room) {
        int i = 0;
        while (i + 8 <= room) {
            long word = memory.get(Layouts.U64, at + i);
            long nul = word - 0x0101010101010101L & ~word & 0x8080808080808080L;
            if (nul != 0) {
                return i + (Long.numberOfTrailingZeros(nul) >>> 3);
            }
            i += 8;
        }
        while (i < room && memory.get(Layouts.U8, at + i) != 0) {
            i++;
        }
        return i;
    }

    // ---- futex words ----

    private static void checkAligned(long address) throws ErrnoException {
        if ((address & 3) != 0) {
            throw EINVAL.error("futex word is not aligned");
        }
    }

    int loadInt(long address) throws ErrnoException {
        checkAligned(address);
        checkRange(address, 4);
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            while (true) {
                long generation = translations.generation();
                long frame = frameOf(address >>> Pages.SHIFT, false, 1);
                int value = (int) INT.getVolatile(memory, frame + (address & Pages.MASK));
                if (generation == translations.generation()) {
                    return value;
                }
            }
        } finally {
            reader.leave();
        }
    }

    int compareAndExchangeInt(long address, int expected, int value) throws ErrnoException {
        checkAligned(address);
        checkRange(address, 4);
        // Under the lock, since an exchange that hit a replaced frame could not be repeated.
        mappings.lock.lock();
        try {
            long frame = faults.resolveLocked(address >>> Pages.SHIFT, true, 1, false);
            return (int) INT.compareAndExchange(memory, frame + (address & Pages.MASK), expected, value);
        } finally {
            mappings.lock.unlock();
        }
    }

    FutexKey futexKey(Object manager, long address, boolean shared) throws ErrnoException {
        checkAligned(address);
        checkRange(address, 4);
        if (!shared) {
            return new FutexKey(manager, address);
        }
        mappings.lock.lock();
        try {
            Vma vma = faults.vmaForLocked(address);
            if (vma == null) {
                throw EFAULT.error();
            }
            if (!vma.isShared()) {
                return new FutexKey(manager, address);
            }
            return new FutexKey(FutexOwner.of(vma), (vma.firstPage << Pages.SHIFT) + address - vma.start);
        } finally {
            mappings.lock.unlock();
        }
    }
}
