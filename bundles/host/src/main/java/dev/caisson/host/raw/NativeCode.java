package dev.caisson.host.raw;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.NativeMethod;
import com.kenai.jffi.NativeMethods;
import com.kenai.jffi.PageManager;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.OrderList;
import java.util.List;

/**
 * A page of machine code behind native methods, bound by jffi (the core of jnr-ffi) the way jnr-ffi binds its own compiled
 * stubs. It costs no C library and no errno: a call is a dozen instructions around {@code syscall}, and the result is the
 * kernel's own. All methods are static natives of this class, so by JNI's convention the first two arguments (rdi: JNIEnv,
 * rsi: class) are not ours; ours are rdx, rcx, r8, r9 and then the stack. The page lives as long as the process.
 */
final class NativeCode {
    private static final int NR_CLONE = 56;
    private static final int NR_EXIT = 60;

    static {
        register();
    }

    private NativeCode() {}

    static native long call(long number);

    static native long call(long number, long a1);

    static native long call(long number, long a1, long a2);

    static native long call(long number, long a1, long a2, long a3);

    static native long call(long number, long a1, long a2, long a3, long a4);

    static native long call(long number, long a1, long a2, long a3, long a4, long a5);

    static native long call(long number, long a1, long a2, long a3, long a4, long a5, long a6);

    static native long rdtsc();

    static native long xgetbv();

    static native long cpuid(long leaf, long subleaf, long out);

    static native long spawn(long cloneFlags, long orders);

    private static void register() {
        Assembler code = new Assembler();
        int call = code.offset();
        assembleCall(code);
        int rdtsc = code.align(16).offset();
        assembleRdtsc(code);
        int cpuid = code.align(16).offset();
        assembleCpuid(code);
        int xgetbv = code.align(16).offset();
        assembleXgetbv(code);
        int spawn = code.align(16).offset();
        assembleSpawn(code);

        byte[] bytes = code.toBytes();
        PageManager pages = PageManager.getInstance();
        long page = pages.allocatePages(1, PageManager.PROT_READ | PageManager.PROT_WRITE);
        if (page == 0 || page == -1) {
            throw new UnsatisfiedLinkError("no memory for machine code");
        }
        MemoryIO.getInstance().putByteArray(page, bytes, 0, bytes.length);
        pages.protectPages(page, 1, PageManager.PROT_READ | PageManager.PROT_EXEC);

        NativeMethods.register(NativeCode.class, List.of(
            // One body serves all lengths: the kernel looks at as many arguments as the call has.
            new NativeMethod(page + call, "call", "(J)J"),
            new NativeMethod(page + call, "call", "(JJ)J"),
            new NativeMethod(page + call, "call", "(JJJ)J"),
            new NativeMethod(page + call, "call", "(JJJJ)J"),
            new NativeMethod(page + call, "call", "(JJJJJ)J"),
            new NativeMethod(page + call, "call", "(JJJJJJ)J"),
            new NativeMethod(page + call, "call", "(JJJJJJJ)J"),
            new NativeMethod(page + rdtsc, "rdtsc", "()J"),
            new NativeMethod(page + cpuid, "cpuid", "(JJJ)J"),
            new NativeMethod(page + xgetbv, "xgetbv", "()J"),
            new NativeMethod(page + spawn, "spawn", "(JJ)J")));
    }

    private static void assembleCall(Assembler code) {
        code.mov(RAX, RDX); // number
        code.mov(RDI, RCX);
        code.mov(RSI, R8);
        code.mov(RDX, R9);
        code.load(R10, RSP, 8); // arguments 4 to 6 lie above the return address
        code.load(R8, RSP, 16);
        code.load(R9, RSP, 24);
        code.syscall();
        code.ret();
    }

    private static void assembleRdtsc(Assembler code) {
        code.rdtsc(); // edx:eax
        code.shl(RDX, 32);
        code.or(RAX, RDX);
        code.ret();
    }

    private static void assembleCpuid(Assembler code) {
        code.push(RBX); // callee-saved, and cpuid writes it
        code.mov(R10, R8); // out
        code.mov(RAX, RDX); // leaf
        // subleaf is in rcx already
        code.bytes(0x0f, 0xa2); // cpuid
        code.bytes(0x41, 0x89, 0x02); // mov [r10], eax
        code.bytes(0x41, 0x89, 0x5a, 4); // mov [r10+4], ebx
        code.bytes(0x41, 0x89, 0x4a, 8); // mov [r10+8], ecx
        code.bytes(0x41, 0x89, 0x52, 12); // mov [r10+12], edx
        code.pop(RBX);
        code.ret();
    }

    private static void assembleXgetbv(Assembler code) {
        code.mov(RCX, 0); // XCR0
        code.bytes(0x0f, 0x01, 0xd0); // xgetbv: edx:eax
        code.shl(RDX, 32);
        code.or(RAX, RDX);
        code.ret();
    }

    private static void assembleSpawn(Assembler code) {
        Label child = new Label();
        Label failed = new Label();
        code.push(RBX);
        code.mov(RBX, RCX); // the child's order list
        code.mov(RDI, RDX); // flags
        code.xor(RSI, RSI); // no stack: the child borrows ours, which it never touches
        code.xor(RDX, RDX);
        code.xor(R10, R10);
        code.xor(R8, R8);
        code.mov(RAX, NR_CLONE);
        code.syscall(); // with CLONE_VFORK the parent sleeps in here until the child has a memory of its own
        code.test(RAX, RAX);
        code.jump(Condition.EQUAL, child);
        code.pop(RBX);
        code.ret();

        code.bind(child);
        Label next = code.here();
        OrderList.load(code, RBX);
        code.syscall();
        code.test(RAX, RAX);
        code.jump(Condition.SIGN, failed);
        code.add(RBX, OrderList.ORDER_BYTES);
        code.jump(next);
        code.bind(failed); // exit with the error number as status
        code.neg(RAX);
        code.mov(RDI, RAX);
        code.mov(RAX, NR_EXIT);
        code.syscall();
        code.int3();
    }
}
