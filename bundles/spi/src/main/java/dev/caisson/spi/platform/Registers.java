package dev.caisson.spi.platform;

import dev.caisson.abi.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The general registers of a guest thread in the order of Linux's {@code struct user_regs_struct} (27 words of 8 bytes, 216
 * bytes; arch/x86/include/asm/user_64.h). A view over kernel-owned native memory: no guest can write it, and platforms pass it to the
 * host as it is.
 */
public final class Registers {
    /** Size in bytes. */
    public static final int BYTES = 216;

    private final MemorySegment words;

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
        this.words = words.asSlice(0, BYTES);
    }

    /** {@return the native memory below} */
    public MemorySegment segment() {
        return words;
    }

    /**
     * Copies all registers from another set.
     *
     * @param other where from
     */
    public void copyFrom(Registers other) {
        MemorySegment.copy(other.words, 0, words, 0, BYTES);
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
        return words.get(Layouts.U64, 0);
    }

    /**
     * Sets r15.
     *
     * @param value new value
     */
    public void r15(long value) {
        words.set(Layouts.U64, 0, value);
    }

    /** {@return r14} */
    public long r14() {
        return words.get(Layouts.U64, 8);
    }

    /**
     * Sets r14.
     *
     * @param value new value
     */
    public void r14(long value) {
        words.set(Layouts.U64, 8, value);
    }

    /** {@return r13} */
    public long r13() {
        return words.get(Layouts.U64, 16);
    }

    /**
     * Sets r13.
     *
     * @param value new value
     */
    public void r13(long value) {
        words.set(Layouts.U64, 16, value);
    }

    /** {@return r12} */
    public long r12() {
        return words.get(Layouts.U64, 24);
    }

    /**
     * Sets r12.
     *
     * @param value new value
     */
    public void r12(long value) {
        words.set(Layouts.U64, 24, value);
    }

    /** {@return rbp} */
    public long rbp() {
        return words.get(Layouts.U64, 32);
    }

    /**
     * Sets rbp.
     *
     * @param value new value
     */
    public void rbp(long value) {
        words.set(Layouts.U64, 32, value);
    }

    /** {@return rbx} */
    public long rbx() {
        return words.get(Layouts.U64, 40);
    }

    /**
     * Sets rbx.
     *
     * @param value new value
     */
    public void rbx(long value) {
        words.set(Layouts.U64, 40, value);
    }

    /** {@return r11} */
    public long r11() {
        return words.get(Layouts.U64, 48);
    }

    /**
     * Sets r11.
     *
     * @param value new value
     */
    public void r11(long value) {
        words.set(Layouts.U64, 48, value);
    }

    /** {@return r10} */
    public long r10() {
        return words.get(Layouts.U64, 56);
    }

    /**
     * Sets r10.
     *
     * @param value new value
     */
    public void r10(long value) {
        words.set(Layouts.U64, 56, value);
    }

    /** {@return r9} */
    public long r9() {
        return words.get(Layouts.U64, 64);
    }

    /**
     * Sets r9.
     *
     * @param value new value
     */
    public void r9(long value) {
        words.set(Layouts.U64, 64, value);
    }

    /** {@return r8} */
    public long r8() {
        return words.get(Layouts.U64, 72);
    }

    /**
     * Sets r8.
     *
     * @param value new value
     */
    public void r8(long value) {
        words.set(Layouts.U64, 72, value);
    }

    /** {@return rax} */
    public long rax() {
        return words.get(Layouts.U64, 80);
    }

    /**
     * Sets rax.
     *
     * @param value new value
     */
    public void rax(long value) {
        words.set(Layouts.U64, 80, value);
    }

    /** {@return rcx} */
    public long rcx() {
        return words.get(Layouts.U64, 88);
    }

    /**
     * Sets rcx.
     *
     * @param value new value
     */
    public void rcx(long value) {
        words.set(Layouts.U64, 88, value);
    }

    /** {@return rdx} */
    public long rdx() {
        return words.get(Layouts.U64, 96);
    }

    /**
     * Sets rdx.
     *
     * @param value new value
     */
    public void rdx(long value) {
        words.set(Layouts.U64, 96, value);
    }

    /** {@return rsi} */
    public long rsi() {
        return words.get(Layouts.U64, 104);
    }

    /**
     * Sets rsi.
     *
     * @param value new value
     */
    public void rsi(long value) {
        words.set(Layouts.U64, 104, value);
    }

    /** {@return rdi} */
    public long rdi() {
        return words.get(Layouts.U64, 112);
    }

    /**
     * Sets rdi.
     *
     * @param value new value
     */
    public void rdi(long value) {
        words.set(Layouts.U64, 112, value);
    }

    /** {@return origRax} */
    public long origRax() {
        return words.get(Layouts.U64, 120);
    }

    /**
     * Sets origRax.
     *
     * @param value new value
     */
    public void origRax(long value) {
        words.set(Layouts.U64, 120, value);
    }

    /** {@return rip} */
    public long rip() {
        return words.get(Layouts.U64, 128);
    }

    /**
     * Sets rip.
     *
     * @param value new value
     */
    public void rip(long value) {
        words.set(Layouts.U64, 128, value);
    }

    /** {@return cs} */
    public long cs() {
        return words.get(Layouts.U64, 136);
    }

    /**
     * Sets cs.
     *
     * @param value new value
     */
    public void cs(long value) {
        words.set(Layouts.U64, 136, value);
    }

    /** {@return eflags} */
    public long eflags() {
        return words.get(Layouts.U64, 144);
    }

    /**
     * Sets eflags.
     *
     * @param value new value
     */
    public void eflags(long value) {
        words.set(Layouts.U64, 144, value);
    }

    /** {@return rsp} */
    public long rsp() {
        return words.get(Layouts.U64, 152);
    }

    /**
     * Sets rsp.
     *
     * @param value new value
     */
    public void rsp(long value) {
        words.set(Layouts.U64, 152, value);
    }

    /** {@return ss} */
    public long ss() {
        return words.get(Layouts.U64, 160);
    }

    /**
     * Sets ss.
     *
     * @param value new value
     */
    public void ss(long value) {
        words.set(Layouts.U64, 160, value);
    }

    /** {@return fsBase} */
    public long fsBase() {
        return words.get(Layouts.U64, 168);
    }

    /**
     * Sets fsBase.
     *
     * @param value new value
     */
    public void fsBase(long value) {
        words.set(Layouts.U64, 168, value);
    }

    /** {@return gsBase} */
    public long gsBase() {
        return words.get(Layouts.U64, 176);
    }

    /**
     * Sets gsBase.
     *
     * @param value new value
     */
    public void gsBase(long value) {
        words.set(Layouts.U64, 176, value);
    }

    /** {@return ds} */
    public long ds() {
        return words.get(Layouts.U64, 184);
    }

    /**
     * Sets ds.
     *
     * @param value new value
     */
    public void ds(long value) {
        words.set(Layouts.U64, 184, value);
    }

    /** {@return es} */
    public long es() {
        return words.get(Layouts.U64, 192);
    }

    /**
     * Sets es.
     *
     * @param value new value
     */
    public void es(long value) {
        words.set(Layouts.U64, 192, value);
    }

    /** {@return fs} */
    public long fs() {
        return words.get(Layouts.U64, 200);
    }

    /**
     * Sets fs.
     *
     * @param value new value
     */
    public void fs(long value) {
        words.set(Layouts.U64, 200, value);
    }

    /** {@return gs} */
    public long gs() {
        return words.get(Layouts.U64, 208);
    }

    /**
     * Sets gs.
     *
     * @param value new value
     */
    public void gs(long value) {
        words.set(Layouts.U64, 208, value);
    }
}
