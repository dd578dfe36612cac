package dev.caisson.platform.kvm;

import dev.caisson.abi.Layouts;
import java.lang.foreign.MemorySegment;

/** Segment registers as user code has them: flat, with the selectors of the global descriptor table ({@link Supervisor}). */
final class Segments {
    private static final int CODE_TYPE = 11;
    private static final int DATA_TYPE = 3;
    private static final int USER_CS_32 = 0x23;

    private Segments() {}

    /** {@return a selector that user code may have in a data segment register; for any other, none} */
    static int data(long selector) {
        int descriptor = (int) selector | 3;
        boolean isUsers = descriptor == Supervisor.USER_SS || descriptor == Supervisor.USER_CS || descriptor == USER_CS_32;
        return (isUsers || descriptor == 3) && selector >>> 16 == 0 ? (int) selector : 0;
    }

    /**
     * Fills a segment register in.
     *
     * @param sregs {@code struct kvm_sregs}
     * @param segment offset there
     * @param selector a user's
     */
    static void set(MemorySegment sregs, int segment, int selector) {
        MemorySegment s = sregs.asSlice(segment, KvmLayout.SEGMENT_BYTES);
        s.fill((byte) 0);
        boolean isCode = (selector | 3) == Supervisor.USER_CS || (selector | 3) == USER_CS_32;
        boolean is64 = (selector | 3) == Supervisor.USER_CS;
        s.set(Layouts.U32, KvmLayout.SEGMENT_LIMIT, -1);
        s.set(Layouts.U16, KvmLayout.SEGMENT_SELECTOR, (short) selector);
        s.set(Layouts.U8, KvmLayout.SEGMENT_TYPE, (byte) (isCode ? CODE_TYPE : DATA_TYPE));
        s.set(Layouts.U8, KvmLayout.SEGMENT_PRESENT, (byte) 1);
        s.set(Layouts.U8, KvmLayout.SEGMENT_DPL, (byte) 3);
        s.set(Layouts.U8, KvmLayout.SEGMENT_DB, (byte) (is64 ? 0 : 1));
        s.set(Layouts.U8, KvmLayout.SEGMENT_S, (byte) 1);
        s.set(Layouts.U8, KvmLayout.SEGMENT_L, (byte) (is64 ? 1 : 0));
        s.set(Layouts.U8, KvmLayout.SEGMENT_G, (byte) 1);
    }
}
