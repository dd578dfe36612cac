package dev.caisson.platform.systrap;

import dev.caisson.host.code.Assembler;

/** Instructions before a {@code syscall} that can make room for a jump. Each loads a register that is free until then. */
enum SiteKind {
    /** {@code mov eax, number}: what compilers make. */
    LOAD_EAX(5, true),
    /** {@code mov rax, number}, sign-extended. */
    LOAD_RAX(7, true),
    /** {@code mov r9, [rsp+8]}: the end of the C library's syscall(3). */
    LOAD_R9(5, false),
    /**
     * {@code xor eax, eax}: read(2). With the {@code syscall} that is one byte less than a jump has. The jump's last byte is therefore that
     * of the next instruction, as it is: {@link Trampolines} lie where the distance has it on top.
     */
    CLEAR_EAX(2, true);

    /** Bytes of a trampoline's code before it makes the call itself. */
    private static final int HEAD_BYTES = 34;
    private static final int REX_W = 0x48;
    private static final int SYSCALL_BYTES = 2;

    private final int bytes;
    private final boolean usesRax;

    SiteKind(int bytes, boolean usesRax) {
        this.bytes = bytes;
        this.usesRax = usesRax;
    }

    int bytes() {
        return bytes;
    }

    /** {@return whether the jump covers the {@code syscall}, too} */
    boolean coversCall() {
        return bytes + SYSCALL_BYTES <= Trampolines.JUMP_BYTES;
    }

    /** {@return offset in a trampoline of the {@code syscall} by which it makes the call itself} */
    int callOffset() {
        return HEAD_BYTES + bytes;
    }

    /**
     * The instruction as it loads the number of a call, and so much of what follows as a jump takes.
     *
     * @param number below 65536
     * @return its bytes; null when it cannot load that number
     */
    byte[] expected(int number) {
        if (this == CLEAR_EAX && number != 0) {
            return null;
        }
        Assembler code = new Assembler();
        switch (this) {
            case CLEAR_EAX -> code.bytes(0x31, 0xc0).syscall().bytes(REX_W); // cmp rax, -4096

            case LOAD_EAX -> code.bytes(0xb8, number, number >> 8, 0, 0);
            case LOAD_RAX -> code.bytes(0x48, 0xc7, 0xc0, number, number >> 8, 0, 0);
            case LOAD_R9 -> code.bytes(0x4c, 0x8b, 0x4c, 0x24, 0x08);
        }
        return code.toBytes();
    }

    /**
     * The code of a trampoline.
     *
     * @param original the instruction
     * @param offset of the trampoline in its file
     * @param returnPointer offset in the trampoline of the address to go on at
     * @return the code
     */
    byte[] trampoline(byte[] original, int offset, int returnPointer) {
        Assembler code = new Assembler();
        code.bytes(0xf3, 0x49, 0x0f, 0xae, 0xc3); // rdfsbase r11
        code.bytes(0xc4, 0xc3, 0xfb, 0xf0, 0xcb, SlotTable.SHIFT); // rorx rcx, r11, SHIFT
        code.bytes(0x0f, 0xb6, 0xc9); // movzx ecx, cl
        code.bytes(usesRax ? 0x48 : 0x4c, 0x8b, usesRax ? 0x05 : 0x0d); // mov s, [rip+displacement]: the table
        code.int32(8 - (offset + code.offset() + 4));
        if (usesRax) {
            code.bytes(0x48, 0x8d, 0x04, 0xc8); // lea rax, [rax+rcx*8]
            code.bytes(0x48, 0x8b, 0x08); // mov rcx, [rax]: the negated base of fs
        } else {
            code.bytes(0x4d, 0x8d, 0x0c, 0xc9); // lea r9, [r9+rcx*8]
            code.bytes(0x49, 0x8b, 0x09); // mov rcx, [r9]
        }
        code.bytes(0x4a, 0x8d, 0x0c, 0x19); // lea rcx, [rcx+r11]
        int missBytes = bytes + 2 + 6;
        code.bytes(0xe3, missBytes); // jrcxz over the miss
        copy(code, original);
        if (code.offset() != callOffset()) {
            throw new IllegalStateException("the call is elsewhere");
        }
        code.syscall();
        code.bytes(0xff, 0x25); // jmp [rip+displacement]
        code.int32(returnPointer - (code.offset() + 4));
        code.bytes(usesRax ? 0x4c : 0x4d, 0x8b, usesRax ? 0x98 : 0x99); // mov r11, [s+displacement]: the slot
        code.int32(SlotTable.VALUES);
        copy(code, original);
        code.bytes(0x48, 0x8b, 0x0d); // mov rcx, [rip+displacement]: where to go on
        code.int32(returnPointer - (code.offset() + 4));
        code.bytes(0xff, 0x25); // jmp [rip+displacement]: the stub
        code.int32(-(offset + code.offset() + 4));
        if (code.offset() > returnPointer) {
            throw new IllegalStateException("trampoline too long");
        }
        return code.toBytes();
    }

    private void copy(Assembler code, byte[] original) {
        for (int i = 0; i < bytes; i++) {
            code.bytes(original[i]);
        }
    }
}
