package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.StructCodec;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.MemorySegment;

/**
 * The kernel's way into the memory of one guest address space: copies, structures, strings, words, and buffers for file I/O. Whatever is reached
 * is faulted in, protections are respected, and what the guest could not reach either is EFAULT.
 *
 * <p>Thread-safe but for what it returns, which belongs to the calling thread.
 */
public abstract sealed class GuestMemory permits MemoryManager {
    final GuestAccess access;

    GuestMemory(GuestAccess access) {
        this.access = access;
    }

    /**
     * Copies from the guest.
     *
     * @param address guest address
     * @param target filled wholly
     * @throws ErrnoException EFAULT
     */
    public void copyIn(long address, MemorySegment target) throws ErrnoException {
        access.copyIn(address, target, 0, target.byteSize());
    }

    /**
     * Copies from the guest.
     *
     * @param address guest address
     * @param target heap or native memory
     * @param offset where in the target
     * @param lengthBytes how much
     * @throws ErrnoException EFAULT
     */
    public void copyIn(long address, MemorySegment target, long offset, long lengthBytes) throws ErrnoException {
        access.copyIn(address, target, offset, lengthBytes);
    }

    /**
     * Copies from the guest.
     *
     * @param address guest address
     * @param target filled wholly
     * @throws ErrnoException EFAULT
     */
    public void copyIn(long address, byte[] target) throws ErrnoException {
        access.copyIn(address, MemorySegment.ofArray(target), 0, target.length);
    }

    /**
     * Copies as much as is accessible.
     *
     * @param address guest address
     * @param target heap or native memory
     * @param offset where in the target
     * @param lengthBytes how much at most
     * @return bytes copied before the first inaccessible one
     */
    public long copyInSome(long address, MemorySegment target, long offset, long lengthBytes) {
        return access.copyInSome(address, target, offset, lengthBytes);
    }

    /**
     * Copies to the guest.
     *
     * @param address guest address
     * @param source what to copy
     * @throws ErrnoException EFAULT; a part may have been copied
     */
    public void copyOut(long address, MemorySegment source) throws ErrnoException {
        access.copyOut(address, source, 0, source.byteSize());
    }

    /**
     * Copies to the guest.
     *
     * @param address guest address
     * @param source heap or native memory
     * @param offset where in the source
     * @param lengthBytes how much
     * @throws ErrnoException EFAULT; a part may have been copied
     */
    public void copyOut(long address, MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        access.copyOut(address, source, offset, lengthBytes);
    }

    /**
     * Copies to the guest.
     *
     * @param address guest address
     * @param source what to copy
     * @throws ErrnoException EFAULT; a part may have been copied
     */
    public void copyOut(long address, byte[] source) throws ErrnoException {
        access.copyOut(address, source, 0, source.length);
    }

    /**
     * Copies to the guest.
     *
     * @param address guest address
     * @param source what to copy
     * @param offset where it begins in the source
     * @param count how many bytes
     * @throws ErrnoException EFAULT; a part may have been copied
     */
    public void copyOut(long address, byte[] source, int offset, int count) throws ErrnoException {
        access.copyOut(address, source, offset, count);
    }

    /**
     * Copies words to the guest.
     *
     * @param address guest address
     * @param source what to copy, from its start
     * @param count how many words
     * @throws ErrnoException EFAULT; a part may have been copied
     */
    public void copyOutWords(long address, long[] source, int count) throws ErrnoException {
        access.copyOut(address, source, count);
    }

    /**
     * Writes zeros to the guest.
     *
     * @param address guest address
     * @param lengthBytes how many
     * @throws ErrnoException EFAULT; a part may have been cleared
     */
    public void clear(long address, long lengthBytes) throws ErrnoException {
        access.clear(address, lengthBytes);
    }

    /**
     * Copies for a debugger (PTRACE_POKE, /proc/PID/mem with force): protections of private mappings do not count, and copies are made of
     * pages of files.
     *
     * @param address guest address
     * @param source what to copy
     * @param offset where in the source
     * @param lengthBytes how much
     * @throws ErrnoException EFAULT when nothing is mapped or a shared mapping forbids it
     */
    public void forceCopyOut(long address, MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        access.forceCopyOut(address, source, offset, lengthBytes);
    }

    /**
     * Copies for a debugger: PROT_NONE does not count.
     *
     * @param address guest address
     * @param target where to
     * @param offset where in the target
     * @param lengthBytes how much at most
     * @return bytes copied before the first that is not mapped
     */
    public long forceCopyIn(long address, MemorySegment target, long offset, long lengthBytes) {
        return access.forceCopyIn(address, target, offset, lengthBytes);
    }

    /**
     * Looks at memory without touching it, for traces: no page is brought in, no stack grows, and no fault is counted.
     *
     * @param address guest address, any value
     * @param target filled from its start
     * @param lengthBytes how much at most
     * @return bytes copied before the first that is not readable or not in memory
     */
    public int peek(long address, byte[] target, int lengthBytes) {
        return access.peek(address, target, lengthBytes);
    }

    /**
     * Reads a structure: copied once, then decoded.
     *
     * @param <T> its type
     * @param address guest address
     * @param codec decodes it
     * @return the value
     * @throws ErrnoException EFAULT
     */
    public <T> T read(long address, StructCodec<T> codec) throws ErrnoException {
        MemorySegment bytes = access.scratch(codec.sizeBytes());
        access.copyIn(address, bytes, 0, codec.sizeBytes());
        return codec.read(bytes, 0);
    }

    /**
     * Writes a structure; its padding becomes zero.
     *
     * @param <T> its type
     * @param address guest address
     * @param codec encodes it
     * @param value the value
     * @throws ErrnoException EFAULT
     */
    public <T> void write(long address, StructCodec<T> codec, T value) throws ErrnoException {
        MemorySegment bytes = access.scratch(codec.sizeBytes());
        bytes.asSlice(0, codec.sizeBytes()).fill((byte) 0);
        codec.write(bytes, 0, value);
        access.copyOut(address, bytes, 0, codec.sizeBytes());
    }

    /**
     * Reads a string up to its NUL.
     *
     * @param address guest address
     * @param maxBytes the most bytes that are looked at, NUL included
     * @return the string, one char per byte
     * @throws ErrnoException EFAULT, ENAMETOOLONG when there is no NUL among them
     */
    public String readString(long address, int maxBytes) throws ErrnoException {
        return access.readString(address, maxBytes);
    }

    /**
     * Length of a string, strnlen(3).
     *
     * @param address guest address
     * @param maxBytes the most bytes that are looked at
     * @return bytes before the NUL, or {@code maxBytes} when there is none among them
     * @throws ErrnoException EFAULT
     */
    public int stringLength(long address, int maxBytes) throws ErrnoException {
        return access.stringLength(address, maxBytes);
    }

    /**
     * Reads a byte.
     *
     * @param address guest address
     * @return the byte
     * @throws ErrnoException EFAULT
     */
    public byte readByte(long address) throws ErrnoException {
        return (byte) access.readSmall(address, 1);
    }

    /**
     * Reads 4 bytes.
     *
     * @param address guest address, aligned or not
     * @return the value
     * @throws ErrnoException EFAULT
     */
    public int readInt(long address) throws ErrnoException {
        return (int) access.readSmall(address, 4);
    }

    /**
     * Reads 8 bytes.
     *
     * @param address guest address, aligned or not
     * @return the value
     * @throws ErrnoException EFAULT
     */
    public long readLong(long address) throws ErrnoException {
        return access.readSmall(address, 8);
    }

    /**
     * Writes a byte.
     *
     * @param address guest address
     * @param value the value
     * @throws ErrnoException EFAULT
     */
    public void writeByte(long address, byte value) throws ErrnoException {
        access.writeSmall(address, value, 1);
    }

    /**
     * Writes 4 bytes.
     *
     * @param address guest address, aligned or not
     * @param value the value
     * @throws ErrnoException EFAULT
     */
    public void writeInt(long address, int value) throws ErrnoException {
        access.writeSmall(address, value, 4);
    }

    /**
     * Writes 8 bytes.
     *
     * @param address guest address, aligned or not
     * @param value the value
     * @throws ErrnoException EFAULT
     */
    public void writeLong(long address, long value) throws ErrnoException {
        access.writeSmall(address, value, 8);
    }

    /**
     * A buffer over guest memory for file I/O. Nothing is touched yet; faults show in {@link IoBuffer#run}.
     *
     * @param address guest address
     * @param lengthBytes length; more than MAX_RW_COUNT is cut
     * @param forWrite whether the kernel writes to it (a read(2))
     * @return the buffer; belongs to the calling thread
     * @throws ErrnoException EFAULT for a range that no guest can have, a negative length among them
     */
    public IoBuffer buffer(long address, long lengthBytes, boolean forWrite) throws ErrnoException {
        return GuestBuffer.of(access, address, lengthBytes, forWrite);
    }

    /**
     * A buffer over an array of {@code struct iovec}, copied once.
     *
     * @param iovecs address of the array
     * @param count its length
     * @param forWrite whether the kernel writes to it (a readv(2))
     * @return the buffer; belongs to the calling thread
     * @throws ErrnoException EINVAL for a bad count or negative length, EFAULT
     */
    public IoBuffer buffers(long iovecs, int count, boolean forWrite) throws ErrnoException {
        return GuestBuffer.ofVectors(access, iovecs, count, forWrite);
    }

    /**
     * A buffer over ranges the kernel has already read.
     *
     * @param addresses starts
     * @param lengths lengths, not negative
     * @param count how many
     * @param forWrite whether the kernel writes to it
     * @return the buffer; belongs to the calling thread
     * @throws ErrnoException EINVAL, EFAULT
     */
    public IoBuffer buffers(long[] addresses, long[] lengths, int count, boolean forWrite) throws ErrnoException {
        return GuestBuffer.ofRanges(access, addresses, lengths, count, forWrite);
    }

    // ---- futex words

    /**
     * Loads a futex word with acquire semantics.
     *
     * @param address aligned to 4
     * @return the word
     * @throws ErrnoException EFAULT
     */
    public int loadInt(long address) throws ErrnoException {
        return access.loadInt(address);
    }

    /**
     * Compares and sets a futex word atomically.
     *
     * @param address aligned to 4
     * @param expected what it must be
     * @param value what it becomes
     * @return what it was; the exchange took place if that is {@code expected}
     * @throws ErrnoException EFAULT
     */
    public int compareAndExchangeInt(long address, int expected, int value) throws ErrnoException {
        return access.compareAndExchangeInt(address, expected, value);
    }

    /**
     * Compares and sets a futex word atomically.
     *
     * @param address aligned to 4
     * @param expected what it must be
     * @param value what it becomes
     * @return whether it was
     * @throws ErrnoException EFAULT
     */
    public boolean compareAndSetInt(long address, int expected, int value) throws ErrnoException {
        return access.compareAndExchangeInt(address, expected, value) == expected;
    }
}
