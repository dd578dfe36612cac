package dev.caisson.loader;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R11;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;

import dev.caisson.abi.Time;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The functions of the vDSO (vdso(7)). All are leaves that touch neither the stack nor callee-saved registers, so that unwinding
 * through them is trivial; whatever they cannot answer they ask the kernel.
 */
final class VdsoCode {
    private static final int NR_GETTIMEOFDAY = 96;
    private static final int NR_TIME = 201;
    private static final int NR_CLOCK_GETTIME = 228;
    private static final int NR_CLOCK_GETRES = 229;
    private static final int NR_GETCPU = 309;
    private static final long NS_PER_SECOND = 1_000_000_000L;
    private static final int COARSE_RESOLUTION_NS = 4_000_000;
    private static final int ALIGNMENT = 16;

    private final Assembler code = new Assembler();
    private final Map<String, Integer> starts = new LinkedHashMap<>();
    private final int parametersOffset;

    /**
     * Assembles.
     *
     * @param parametersOffset where the parameters lie relative to the first byte of the code
     */
    VdsoCode(int parametersOffset) {
        this.parametersOffset = parametersOffset;
        clockGettime();
        gettimeofday();
        time();
        clockGetres();
        getcpu();
        code.align(ALIGNMENT);
    }

    byte[] bytes() {
        return code.toBytes();
    }

    /** Offsets of the functions by their unprefixed names. */
    Map<String, Integer> starts() {
        return starts;
    }

    private void begin(String name) {
        code.align(ALIGNMENT);
        starts.put(name, code.offset());
    }

    /** {@code lea r8, [rip + parameters]}. */
    private void parametersIntoR8() {
        int displacement = parametersOffset - (code.offset() + 7);
        code.bytes(0x4c, 0x8d, 0x05, displacement, displacement >> 8, displacement >> 16, displacement >> 24);
    }

    /** int clock_gettime(clockid_t edi, struct timespec *rsi). */
    private void clockGettime() {
        begin("clock_gettime");
        Label monotonic = new Label();
        Label realtime = new Label();
        Label boottime = new Label();
        Label compute = new Label();
        Label fallback = new Label();
        parametersIntoR8();
        code.bytes(0x89, 0xff); // mov edi, edi: the upper half of an int argument is undefined
        code.cmp(RDI, Time.CLOCK_MONOTONIC).jump(Condition.EQUAL, monotonic);
        code.test(RDI, RDI).jump(Condition.EQUAL, realtime);
        code.cmp(RDI, Time.CLOCK_REALTIME_COARSE).jump(Condition.EQUAL, realtime);
        code.cmp(RDI, Time.CLOCK_MONOTONIC_COARSE).jump(Condition.EQUAL, monotonic);
        code.cmp(RDI, Time.CLOCK_MONOTONIC_RAW).jump(Condition.EQUAL, monotonic);
        code.cmp(RDI, Time.CLOCK_BOOTTIME).jump(Condition.EQUAL, boottime);
        code.cmp(RDI, Time.CLOCK_TAI).jump(Condition.NOT_EQUAL, fallback);
        code.lea(R9, R8, VdsoParameters.TAI).jump(compute);
        code.bind(boottime).lea(R9, R8, VdsoParameters.BOOTTIME).jump(compute);
        code.bind(realtime).lea(R9, R8, VdsoParameters.REALTIME).jump(compute);
        code.bind(monotonic).lea(R9, R8, VdsoParameters.ZERO);
        code.bind(compute);
        nanosecondsIntoRax(fallback);
        divideByBillion();
        code.store(RSI, 0, RAX).store(RSI, 8, RDX);
        code.mov(RAX, 0).ret();
        code.bind(fallback);
        askKernel(NR_CLOCK_GETTIME);
    }

    /** int gettimeofday(struct timeval *rdi, struct timezone *rsi). */
    private void gettimeofday() {
        begin("gettimeofday");
        Label fallback = new Label();
        Label zone = new Label();
        Label done = new Label();
        parametersIntoR8();
        code.test(RDI, RDI).jump(Condition.EQUAL, zone);
        code.lea(R9, R8, VdsoParameters.REALTIME);
        nanosecondsIntoRax(fallback);
        divideByBillion();
        code.store(RDI, 0, RAX);
        code.mov(RAX, RDX);
        code.mov(RCX, 1000).xor(RDX, RDX);
        code.bytes(0x48, 0xf7, 0xf1); // div rcx: microseconds
        code.store(RDI, 8, RAX);
        code.bind(zone);
        code.test(RSI, RSI).jump(Condition.EQUAL, done);
        code.mov(RAX, 0).store(RSI, 0, RAX); // tz_minuteswest and tz_dsttime
        code.bind(done);
        code.mov(RAX, 0).ret();
        code.bind(fallback);
        askKernel(NR_GETTIMEOFDAY);
    }

    /** time_t time(time_t *rdi). */
    private void time() {
        begin("time");
        Label fallback = new Label();
        Label done = new Label();
        parametersIntoR8();
        code.lea(R9, R8, VdsoParameters.REALTIME);
        nanosecondsIntoRax(fallback);
        divideByBillion();
        code.test(RDI, RDI).jump(Condition.EQUAL, done);
        code.store(RDI, 0, RAX);
        code.bind(done).ret();
        code.bind(fallback);
        askKernel(NR_TIME);
    }

    /** int clock_getres(clockid_t edi, struct timespec *rsi). */
    private void clockGetres() {
        begin("clock_getres");
        Label fine = new Label();
        Label coarse = new Label();
        Label store = new Label();
        Label done = new Label();
        code.bytes(0x89, 0xff); // mov edi, edi
        for (int clock : new int[] {Time.CLOCK_REALTIME, Time.CLOCK_MONOTONIC, Time.CLOCK_MONOTONIC_RAW, Time.CLOCK_BOOTTIME,
            Time.CLOCK_TAI}) {
            code.cmp(RDI, clock).jump(Condition.EQUAL, fine);
        }
        code.cmp(RDI, Time.CLOCK_REALTIME_COARSE).jump(Condition.EQUAL, coarse);
        code.cmp(RDI, Time.CLOCK_MONOTONIC_COARSE).jump(Condition.EQUAL, coarse);
        askKernel(NR_CLOCK_GETRES);
        code.bind(fine).mov(RDX, 1).jump(store);
        code.bind(coarse).mov(RDX, COARSE_RESOLUTION_NS);
        code.bind(store);
        code.mov(RAX, 0);
        code.test(RSI, RSI).jump(Condition.EQUAL, done);
        code.store(RSI, 0, RAX).store(RSI, 8, RDX);
        code.bind(done).ret();
    }

    /**
     * int getcpu(unsigned *rdi, unsigned *rsi, void *): Linux keeps the processor in the low 12 bits of what RDTSCP leaves in ecx, on the host too;
     * guests see it modulo the processors they have, as the system call tells it.
     */
    private void getcpu() {
        begin("getcpu");
        Label fallback = new Label();
        Label node = new Label();
        Label done = new Label();
        parametersIntoR8();
        code.load(R10, R8, VdsoParameters.PROCESSORS);
        code.test(R10, R10).jump(Condition.EQUAL, fallback);
        code.bytes(0x0f, 0x01, 0xf9); // rdtscp
        code.bytes(0x89, 0xc8); // mov eax, ecx
        code.bytes(0x25, 0xff, 0x0f, 0x00, 0x00); // and eax, 0xfff
        code.xor(RDX, RDX);
        code.bytes(0x49, 0xf7, 0xf2); // div r10
        code.test(RDI, RDI).jump(Condition.EQUAL, node);
        code.bytes(0x89, 0x17); // mov [rdi], edx
        code.bind(node).test(RSI, RSI).jump(Condition.EQUAL, done);
        code.bytes(0xc7, 0x06, 0x00, 0x00, 0x00, 0x00); // mov dword [rsi], 0
        code.bind(done);
        code.mov(RAX, 0).ret();
        code.bind(fallback);
        askKernel(NR_GETCPU);
    }

    private void askKernel(int number) {
        code.mov(RAX, number).syscall().ret();
    }

    /** rax = seconds, rdx = nanoseconds. */
    private void divideByBillion() {
        code.mov(RCX, NS_PER_SECOND).xor(RDX, RDX);
        code.bytes(0x48, 0xf7, 0xf1); // div rcx
    }

    /**
     * rax = monotonicBase + ((tsc - tscBase) * multiplier >> 32) + [r9], with the parameters at r8 read consistently. Changes rdx, r10, r11.
     */
    private void nanosecondsIntoRax(Label fallback) {
        Label retry = new Label();
        Label ready = new Label();
        Label forward = new Label();
        Label again = new Label();
        code.jump(ready);
        code.bind(again).pause();
        code.bind(retry);
        code.bind(ready);
        code.load(R11, R8, VdsoParameters.SEQUENCE);
        code.bytes(0x41, 0xf6, 0xc3, 0x01); // test r11b, 1: being written
        code.jump(Condition.NOT_EQUAL, again);
        code.load(R10, R8, VdsoParameters.USABLE);
        code.test(R10, R10).jump(Condition.EQUAL, fallback);
        code.bytes(0x0f, 0xae, 0xe8); // lfence: the counter is read after the sequence
        code.rdtsc();
        code.shl(RDX, 32).or(RAX, RDX);
        code.bytes(0x49, 0x2b, 0x40, VdsoParameters.TSC_BASE); // sub rax, [r8 + tscBase]
        code.jump(Condition.GREATER, forward);
        code.mov(RAX, 0); // another processor's counter, a little behind
        code.bind(forward);
        code.bytes(0x49, 0xf7, 0x60, VdsoParameters.MULTIPLIER); // mul qword [r8 + multiplier]: rdx:rax
        code.bytes(0x48, 0x0f, 0xac, 0xd0, 32); // shrd rax, rdx, 32
        code.bytes(0x49, 0x03, 0x40, VdsoParameters.MONOTONIC_BASE); // add rax, [r8 + monotonicBase]
        code.bytes(0x49, 0x03, 0x01); // add rax, [r9]
        code.bytes(0x4d, 0x3b, 0x18); // cmp r11, [r8]: changed meanwhile?
        code.jump(Condition.NOT_EQUAL, retry);
    }
}
