package dev.caisson.testing.platform;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;

/** Small guest programs that several tests use. */
final class Programs {
    private Programs() {}

    /** System calls for ever, all registers untouched. */
    static Assembler syscalls() {
        Assembler code = new Assembler();
        Label loop = code.here();
        return code.syscall().jump(loop);
    }

    /** Counts in rbx and makes a system call, for ever. */
    static Assembler countingSyscalls() {
        Assembler code = new Assembler();
        Label loop = code.here();
        return code.add(Register.RBX, 1).syscall().jump(loop);
    }

    /** Does nothing, for ever. */
    static Assembler spin() {
        Assembler code = new Assembler();
        Label loop = code.here();
        return code.jump(loop);
    }

    /** Loads rax from [rdi], then makes a system call. */
    static Assembler load() {
        return new Assembler().load(Register.RAX, Register.RDI, 0).syscall();
    }

    /** Stores rax to [rdi], then makes a system call. */
    static Assembler store() {
        return new Assembler().store(Register.RDI, 0, Register.RAX).syscall();
    }

    /** {@code movdqu xmm0, [rdi]}, a system call, {@code movdqu [rsi], xmm0}, a system call. */
    static Assembler vectorRoundTrip() {
        return new Assembler().bytes(0xf3, 0x0f, 0x6f, 0x07).syscall().bytes(0xf3, 0x0f, 0x7f, 0x06).syscall();
    }

    /** {@code vmovdqu ymm15, [rdi]}, a system call, {@code vmovdqu [rsi], ymm15}, a system call. */
    static Assembler wideVectorRoundTrip() {
        return new Assembler().bytes(0xc5, 0x7e, 0x6f, 0x3f).syscall().bytes(0xc5, 0x7e, 0x7f, 0x3e).syscall();
    }

    /** {@code stmxcsr [rdi]}, {@code fnstcw [rdi+8]}, a system call. */
    static Assembler controlWords() {
        return new Assembler().bytes(0x0f, 0xae, 0x1f).bytes(0xd9, 0x7f, 0x08).syscall();
    }
}
