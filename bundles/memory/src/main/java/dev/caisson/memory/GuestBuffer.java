package dev.caisson.memory;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * Guest memory behind an iovec as a sequence of runs of neighbouring frames.
 *
 * <p>{@link #advance} after a run that was written checks that none of its pages was replaced meanwhile, and copies what was
 * written to where it belongs if one was.
 */
final class GuestBuffer implements IoBuffer {
    /** The most one read(2) or write(2) transfers: INT_MAX rounded down to a page. */
    static final long MAX_TRANSFER = 0x7ffff000L;
    private static final int IOV_MAX = 1024;
    private static final int IOVEC_BYTES = 16;
    /** The longest run. */
    private static final long MAX_RUN = 1L << 20;

    private final GuestAccess access;
    private final boolean forWrite;
    private long[] addresses;
    private long[] lengths;
    private int count;
    private int index;
    private long address;
    private long left;
    private long remaining;

    private MemorySegment current;
    private long currentAddress;
    private long generation;

    private GuestBuffer(GuestAccess access, boolean forWrite) {
        this.access = access;
        this.forWrite = forWrite;
    }

    static GuestBuffer of(GuestAccess access, long address, long lengthBytes, boolean forWrite) throws ErrnoException {
        // As access_ok: the whole range must be one a guest can have, even if less is transferred; a negative length is none.
        access.checkRange(address, lengthBytes);
        GuestBuffer buffer = new GuestBuffer(access, forWrite);
        buffer.address = address;
        buffer.left = buffer.remaining = Math.min(lengthBytes, MAX_TRANSFER);
        return buffer;
    }

    static GuestBuffer ofVectors(GuestAccess access, long iovecs, int count, boolean forWrite) throws ErrnoException {
        if (count < 0 || count > IOV_MAX) {
            throw EINVAL.error("iovec count");
        }
        int bytes = count * IOVEC_BYTES;
        MemorySegment copy = access.scratch(bytes);
        access.copyIn(iovecs, copy, 0, bytes);
        long[] addresses = new long[count];
        long[] lengths = new long[count];
        for (int i = 0; i < count; i++) {
            addresses[i] = copy.get(Layouts.U64, (long) i * IOVEC_BYTES);
            lengths[i] = copy.get(Layouts.U64, (long) i * IOVEC_BYTES + 8);
        }
        return ofRanges(access, addresses, lengths, count, forWrite);
    }

    static GuestBuffer ofRanges(GuestAccess access, long[] addresses, long[] lengths, int count, boolean forWrite)
            throws ErrnoException {
        GuestBuffer buffer = new GuestBuffer(access, forWrite);
        long total = 0;
        for (int i = 0; i < count; i++) {
            if (lengths[i] < 0) {
                throw EINVAL.error("negative length");
            }
            if (lengths[i] > access.mappings.layout.addressLimit || addresses[i] < 0
                    || addresses[i] > access.mappings.layout.addressLimit - lengths[i]) {
                throw EFAULT.error();
            }
            lengths[i] = Math.min(lengths[i], MAX_TRANSFER - total);
            total += lengths[i];
        }
        buffer.addresses = addresses;
        buffer.lengths = lengths;
        buffer.count = count;
        buffer.remaining = total;
        buffer.nextVector();
        return buffer;
    }

    private void nextVector() {
        while (left == 0 && index < count) {
            address = addresses[index];
            left = lengths[index];
            index++;
        }
    }

    @Override
    public long remaining() {
        return remaining;
    }

    @Override
    public MemorySegment run() throws ErrnoException {
        if (remaining == 0) {
            return MemorySegment.NULL;
        }
        generation = access.generation();
        long inPage = address & Pages.MASK;
        long wanted = Math.min(left, MAX_RUN);
        int pages = (int) (inPage + wanted + Pages.MASK >>> Pages.SHIFT);
        long page = address >>> Pages.SHIFT;
        long frame = access.frameOf(page, forWrite, pages);
        long length = Pages.SIZE - inPage;
        int i = 1;
        while (length < wanted) {
            long next;
            try {
                next = access.frameOf(page + i, forWrite, pages - i);
            } catch (ErrnoException fault) {
                break; // Shows when the run after this one is asked for.
            }
            if (next != frame + ((long) i << Pages.SHIFT)) {
                break;
            }
            length += Pages.SIZE;
            i++;
        }
        currentAddress = address;
        current = access.memory.asSlice(frame + inPage, Math.min(length, wanted));
        return current;
    }

    @Override
    public void advance(long lengthBytes) {
        if (forWrite && current != null && currentAddress == address && lengthBytes > 0) {
            settle(lengthBytes);
        }
        current = null;
        address += lengthBytes;
        left -= lengthBytes;
        remaining -= lengthBytes;
        nextVector();
    }

    /** Repeats what was written to the current run if a page of it was replaced since the run was found. */
    private void settle(long lengthBytes) {
        VarHandle.fullFence();
        while (generation != access.generation()) {
            generation = access.generation();
            long frameAddress = current.address() - access.memory.address();
            for (long done = 0; done < lengthBytes;) {
                long at = address + done;
                long step = Math.min(lengthBytes - done, Pages.SIZE - (at & Pages.MASK));
                long now;
                try {
                    now = access.frameOf(at >>> Pages.SHIFT, true, 1) + (at & Pages.MASK);
                } catch (ErrnoException gone) {
                    return; // Unmapped by another thread: as if it had been just after the copy.
                }
                if (now != frameAddress + done) {
                    MemorySegment.copy(access.memory, frameAddress + done, access.memory, now, step);
                }
                done += step;
            }
            VarHandle.fullFence();
        }
    }

    @Override
    public long put(MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        return copy(source, offset, lengthBytes, true);
    }

    @Override
    public long get(MemorySegment target, long offset, long lengthBytes) throws ErrnoException {
        return copy(target, offset, lengthBytes, false);
    }

    /** What {@link IoBuffer#put} and {@link IoBuffer#get} do, without a segment for every run. */
    private long copy(MemorySegment other, long offset, long lengthBytes, boolean toGuest) throws ErrnoException {
        long wanted = Math.min(lengthBytes, remaining);
        long done = 0;
        FrameReader reader = access.frames.reader();
        reader.enter();
        try {
            while (done < wanted) {
                long step = copyRun(other, offset + done, Math.min(wanted - done, left), toGuest);
                current = null;
                advance(step);
                done += step;
            }
        } catch (ErrnoException fault) {
            if (done == 0) {
                throw fault;
            }
        } finally {
            reader.leave();
        }
        return done;
    }

    /** Copies what lies in neighbouring frames; again, should a page be replaced meanwhile. */
    private long copyRun(MemorySegment other, long offset, long most, boolean toGuest) throws ErrnoException {
        long inPage = address & Pages.MASK;
        long page = address >>> Pages.SHIFT;
        int pages = (int) (inPage + Math.min(most, MAX_RUN) + Pages.MASK >>> Pages.SHIFT);
        while (true) {
            long before = access.generation();
            long frame = access.frameOf(page, toGuest, pages);
            long length = Math.min(most, Pages.SIZE - inPage);
            for (int i = 1; i < pages && follows(page + i, pages - i, toGuest, frame + ((long) i << Pages.SHIFT)); i++) {
                length = Math.min(most, length + Pages.SIZE);
            }
            if (!toGuest) {
                MemorySegment.copy(access.memory, frame + inPage, other, offset, length);
                return length;
            }
            MemorySegment.copy(other, offset, access.memory, frame + inPage, length);
            VarHandle.fullFence();
            if (before == access.generation()) {
                return length;
            }
        }
    }

    /** Whether a page is in the frame that would continue a run; a fault shows when the run after this one begins there. */
    private boolean follows(long page, int pages, boolean toGuest, long frame) {
        try {
            return access.frameOf(page, toGuest, pages) == frame;
        } catch (ErrnoException fault) {
            return false;
        }
    }
}
