package dev.caisson.spi.platform;

import dev.caisson.host.HostBytes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.LongBuffer;

/**
 * The general registers of a guest thread in the order of Linux's {@code struct user_regs_struct} (27 words of 8 bytes, 216
 * bytes; arch/x86/include/asm/user_64.h). A view over kernel-owned native memory: no guest can write it, and platforms pass it to the
 * host as it is.
 */
public final class Registers {
    /** Size in bytes. */
    public static final int BYTES = 216;

    private final MemorySegment segment;
    private final long address;
    /** The same memory. A view of this kind costs as little when compiled, and half as much before, when many programs have ended already. */
    private final LongBuffer words;

    /** Makes zeroed registers in memory of their own that lives as long as they do. */
    public Registers() {
        this(Arena.ofAuto().allocate(BYTES, 8));
    }

    /**
     * Makes a view.
     *
     * @param words native memory of {@link #BYTES} bytes
     */
    public Registers(MemorySegment words) {
        this.segment = words.asSlice(0, BYTES);
        this.address = segment.address();
        this.words = segment.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer();
    }

    /** {@return the native memory below} */
    public MemorySegment segment() {
        return segment;
    }

    /** {@return the native address of the memory, which lives as long as this} */
    public long address() {
        return address;
    }

    /**
     * Copies all registers from another set.
     *
     * @param other where from
     */
    public void copyFrom(Registers other) {
        HostBytes.copy(address, other.address, BYTES);
    }

    /**
     * An argument of the system call: rdi, rsi, rdx, r10, r8, r9 (syscall(2)).
     *
     * @param index 0 to 5
     * @return the register
     */
    public long argument(int index) {
        return switch (index) {
            case 0 -> rdi();
            case 1 -> rsi();
            case 2 -> rdx();
            case 3 -> r10();
            case 4 -> r8();
            case 5 -> r9();
            default -> throw new IndexOutOfBoundsException(index);
        };
    }

    /** {@return r15} */
    public long r15() {
        return words.get(0);
    }

    /**
     * Sets r15.
     *
     * @param value new value
     */
    public void r15(long value) {
        words.put(0, value);
    }

    /** {@return r14} */
    public long r14() {
        return words.get(1);
    }

    /**
     * Sets r14.
     *
     * @param value new value
     */
    public void r14(long value) {
        words.put(1, value);
    }

    /** {@return r13} */
    public long r13() {
        return words.get(2);
    }

    /**
     * Sets r13.
     *
     * @param value new value
     */
    public void r13(long value) {
        words.put(2, value);
    }

    /** {@return r12} */
    public long r12() {
        return words.get(3);
    }

    /**
     * Sets r12.
     *
     * @param value new value
     */
    public void r12(long value) {
        words.put(3, value);
    }

    /** {@return rbp} */
    public long rbp() {
        return words.get(4);
    }

    /**
     * Sets rbp.
     *
     * @param value new value
     */
    public void rbp(long value) {
        words.put(4, value);
    }

    /** {@return rbx} */
    public long rbx() {
        return words.get(5);
    }

    /**
     * Sets rbx.
     *
     * @param value new value
     */
    public void rbx(long value) {
        words.put(5, value);
    }

    /** {@return r11} */
    public long r11() {
        return words.get(6);
    }

    /**
     * Sets r11.
     *
     * @param value new value
     */
    public void r11(long value) {
        words.put(6, value);
    }

    /** {@return r10} */
    public long r10() {
        return words.get(7);
    }

    /**
     * Sets r10.
     *
     * @param value new value
     */
    public void r10(long value) {
        words.put(7, value);
    }

    /** {@return r9} */
    public long r9() {
        return words.get(8);
    }

    /**
     * Sets r9.
     *
     * @param value new value
     */
    public void r9(long value) {
        words.put(8, value);
    }

    /** {@return r8} */
    public long r8() {
        return words.get(9);
    }

    /**
     * Sets r8.
     *
     * @param value new value
     */
    public void r8(long value) {
        words.put(9, value);
    }

    /** {@return rax} */
    public long rax() {
        return words.get(10);
    }

    /**
     * Sets rax.
     *
     * @param value new value
     */
    public void rax(long value) {
        words.put(10, value);
    }

    /** {@return rcx} */
    public long rcx() {
        return words.get(11);
    }

    /**
     * Sets rcx.
     *
     * @param value new value
     */
    public void rcx(long value) {
        words.put(11, value);
    }

    /** {@return rdx} */
    public long rdx() {
        return words.get(12);
    }

    /**
     * Sets rdx.
     *
     * @param value new value
     */
    public void rdx(long value) {
        words.put(12, value);
    }

    /** {@return rsi} */
    public long rsi() {
        return words.get(13);
    }

    /**
     * Sets rsi.
     *
     * @param value new value
     */
    public void rsi(long value) {
        words.put(13, value);
    }

    /** {@return rdi} */
    public long rdi() {
        return words.get(14);
    }

    /**
     * Sets rdi.
     *
     * @param value new value
     */
    public void rdi(long value) {
        words.put(14, value);
    }

    /** {@return origRax} */
    public long origRax() {
        return words.get(15);
    }

    /**
     * Sets origRax.
     *
     * @param value new value
     */
    public void origRax(long value) {
        words.put(15, value);
    }

    /** {@return rip} */
    public long rip() {
        return words.get(16);
    }

    /**
     * Sets rip.
     *
     * @param value new value
     */
    public void rip(long value) {
        words.put(16, value);
    }

    /** {@return cs} */
    public long cs() {
        return words.get(17);
    }

    /**
     * Sets cs.
     *
     * @param value new value
     */
    public void cs(long value) {
        words.put(17, value);
    }

    /** {@return eflags} */
    public long eflags() {
        return words.get(18);
    }

    /**
     * Sets eflags.
     *
     * @param value new value
     */
    public void eflags(long value) {
        words.put(18, value);
    }

    /** {@return rsp} */
    public long rsp() {
        return words.get(19);
    }

    /**
     * Sets rsp.
     *
     * @param value new value
     */
    public void rsp(long value) {
        words.put(19, value);
    }

    /** {@return ss} */
    public long ss() {
        return words.get(20);
    }

    /**
     * Sets ss.
     *
     * @param value new value
     */
    public void ss(long value) {
        words.put(20, value);
    }

    /** {@return fsBase} */
    public long fsBase() {
        return words.get(21);
    }

    /**
     * Sets fsBase.
     *
     * @param value new value
     */
    public void fsBase(long value) {
        words.put(21, value);
    }

    /** {@return gsBase} */
    public long gsBase() {
        return words.get(22);
    }

    /**
     * Sets gsBase.
     *
     * @param value new value
     */
    public void gsBase(long value) {
        words.put(22, value);
    }

    /** {@return ds} */
    public long ds() {
        return words.get(23);
    }

    /**
     * Sets ds.
     *
     * @param value new value
     */
    public void ds(long value) {
        words.put(23, value);
    }

    /** {@return es} */
    public long es() {
        return words.get(24);
    }

    /**
     * Sets es.
     *
     * @param value new value
     */
    public void es(long value) {
        words.put(24, value);
    }

    /** {@return fs} */
    public long fs() {
        return words.get(25);
    }

    /**
     * Sets fs.
     *
     * @param value new value
     */
    public void fs(long value) {
        words.put(25, value);
    }

    /** {@return gs} */
    public long gs() {
        return words.get(26);
    }

    /**
     * Sets gs.
     *
     * @param value new value
     */
    public void gs(long value) {
        words.put(26, value);
    }
}
