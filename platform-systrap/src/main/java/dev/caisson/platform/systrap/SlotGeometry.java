package dev.caisson.platform.systrap;

import dev.caisson.mailbox.SlotLayout;
import dev.caisson.stub.StubCode;

/**
 * Where slots lie in a stub process, and what in a slot. A slot's size is a power of two and its address a multiple of it, so that
 * code on its stack finds it by the stack pointer alone.
 *
 * <pre>
 * 0                 header ({@link SlotLayout})
 * HEADER_BYTES      FPU image
 * stack             where the host puts signal frames, one inside of another at times
 * bytes - 64        rip, cs, flags, rsp, ss for iretq
 * </pre>
 */
final class SlotGeometry {
    /** Where slot 0 lies in every stub process: between the guest's limit and the stub's other pages. */
    static final long SLOTS = StubCode.ADDRESS_LIMIT + 0x4000_0000L;
    /** One past the address of the last slot there can be. */
    static final long SLOTS_END = SLOTS + 0x8000_0000L;
    /** Slots that are mapped together. */
    static final int CHUNK_SLOTS = 16;
    /** Bytes above the stack, for iretq. */
    static final int RETURN_BYTES = 64;
    /** struct rt_sigframe and what alignment adds. */
    private static final int FRAME_BYTES = 1024;
    /** Signal frames that must fit: of an exception, of a kick that comes on top of it, and one to spare. */
    private static final int FRAMES = 3;
    private static final int SMALLEST = 8192;

    private final int slotBytes;
    private final int fpuBytes;

    /**
     * Computes it.
     *
     * @param fpuBytes size of the FPU image
     */
    SlotGeometry(int fpuBytes) {
        this.fpuBytes = fpuBytes;
        int wanted = stack() + FRAMES * (fpuBytes + FRAME_BYTES) + RETURN_BYTES;
        slotBytes = Math.max(SMALLEST, Integer.highestOneBit(wanted - 1) << 1);
    }

    int slotBytes() {
        return slotBytes;
    }

    int chunkBytes() {
        return slotBytes * CHUNK_SLOTS;
    }

    /** Offset of the FPU image, a multiple of 64. */
    int fpu() {
        return SlotLayout.HEADER_BYTES;
    }

    /** Offset of the stack's low end. */
    int stack() {
        return fpu() + (fpuBytes + 63 & -64);
    }

    int stackBytes() {
        return returnFrame() - stack();
    }

    /** Whether an FPU image of a signal frame can lie at an offset, of which guest code may have a say. */
    boolean isFrameImage(long offset) {
        return offset >= stack() && offset <= returnFrame() - fpuBytes && (offset & 63) == 0;
    }

    /** Offset of the words for iretq. */
    int returnFrame() {
        return slotBytes - RETURN_BYTES;
    }

    /** Address of a slot in its process. */
    long address(int index) {
        return SLOTS + (long) index * slotBytes;
    }

    /** {@return how many slots a process can have} */
    int maxSlots() {
        return (int) Math.min(1 << 16, (SLOTS_END - SLOTS) / slotBytes);
    }
}
