package dev.caisson.loader;

import static dev.caisson.abi.Errno.E2BIG;

import dev.caisson.abi.Elf;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostSystem;
import dev.caisson.memory.MemoryManager;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Builds the stack a program starts with (fs/exec.c, create_elf_tables). From high to low: 8 zero bytes, the file name, environment
 * strings, argument strings, platform name, 16 random bytes, then aligned to 16 the auxiliary vector, envp, argv and argc.
 */
final class FirstStack {
    /** MAX_ARG_STRLEN. */
    static final int MOST_STRING_BYTES = 131072;
    private static final long LEAST_LIMIT = 131072;
    /** _STK_LIM / 4 * 3. */
    private static final long MOST_LIMIT = 6L << 20;
    private static final byte[] PLATFORM = {'x', '8', '6', '_', '6', '4', 0};
    private static final int RANDOM_BYTES = 16;

    private final List<String> arguments;
    private final List<String> environment;
    private final String name;

    FirstStack(String name, List<String> arguments, List<String> environment) {
        this.name = name;
        this.arguments = arguments;
        this.environment = environment;
    }

    /** Checks what may be passed, before anything is made. */
    void checkSize(long stackLimit) throws ErrnoException {
        long limit = Math.max(LEAST_LIMIT, Math.min(MOST_LIMIT, stackLimit < 0 ? Long.MAX_VALUE : stackLimit / 4));
        long total = 8L * (Math.max(1, arguments.size()) + environment.size());
        total += name.length() + 1;
        for (String text : arguments) {
            total += checked(text);
        }
        for (String text : environment) {
            total += checked(text);
        }
        if (total > limit) {
            throw E2BIG.error("arguments and environment");
        }
    }

    private static long checked(String text) throws ErrnoException {
        if (text.length() >= MOST_STRING_BYTES) {
            throw E2BIG.error("one string of them");
        }
        return text.length() + 1L;
    }

    /** How many bytes the whole takes at most. */
    long sizeBytes(int vectorEntries) {
        long total = 8 + name.length() + 1 + PLATFORM.length + RANDOM_BYTES + 64 + 16L * vectorEntries
                + 8L * (arguments.size() + environment.size() + 3);
        for (String text : arguments) {
            total += text.length() + 1L;
        }
        for (String text : environment) {
            total += text.length() + 1L;
        }
        return total;
    }

    /**
     * Writes it.
     *
     * @param memory the new address space; the stack is mapped
     * @param top one past the highest byte
     * @param vector type and value pairs without AT_NULL; AT_RANDOM, AT_EXECFN and AT_PLATFORM are filled in here
     * @return the stack pointer
     */
    long write(MemoryManager memory, long top, long[] vector) throws ErrnoException {
        long size = ElfMapper.up(sizeBytes(vector.length / 2 + 1) + 4096);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stack = arena.allocate(size, 4096);
            Cursor cursor = new Cursor(stack, top - size, size - 8);
            long nameAt = cursor.push(name);
            memory.layout().environmentEnd = nameAt;
            long[] environmentAt = cursor.push(environment);
            memory.layout().environmentStart = cursor.address();
            memory.layout().argumentsEnd = cursor.address();
            long[] argumentsAt = cursor.push(arguments);
            memory.layout().argumentsStart = cursor.address();
            long platformAt = cursor.push(PLATFORM);
            cursor.at -= RANDOM_BYTES;
            HostSystem.random(stack.address() + cursor.at, RANDOM_BYTES, 0);
            long randomAt = cursor.address();
            long words = 1 + argumentsAt.length + 1 + environmentAt.length + 1 + vector.length + 2;
            long at = (cursor.at & ~15L) - words * 8 & ~15L;
            long pointer = top - size + at;
            stack.set(Layouts.U64, at, argumentsAt.length);
            long put = at + 8;
            put = table(stack, put, argumentsAt);
            put = table(stack, put, environmentAt);
            long[] full = new long[vector.length + 2];
            for (int i = 0; i < vector.length; i += 2) {
                full[i] = vector[i];
                full[i + 1] = switch ((int) vector[i]) {
                    case Elf.AT_RANDOM -> randomAt;
                    case Elf.AT_EXECFN -> nameAt;
                    case Elf.AT_PLATFORM -> platformAt;
                    default -> vector[i + 1];
                };
            }
            for (long word : full) {
                stack.set(Layouts.U64, put, word);
                put += 8;
            }
            memory.layout().auxiliaryVector = full;
            memory.layout().stackStart = pointer;
            memory.copyOut(pointer, stack, at, size - at);
            return pointer;
        }
    }

    private static long table(MemorySegment stack, long from, long[] addresses) {
        long put = from;
        for (long address : addresses) {
            stack.set(Layouts.U64, put, address);
            put += 8;
        }
        stack.set(Layouts.U64, put, 0);
        return put + 8;
    }

    /** Puts strings below each other. */
    private static final class Cursor {
        private final MemorySegment stack;
        private final long base;
        private long at;

        Cursor(MemorySegment stack, long base, long at) {
            this.stack = stack;
            this.base = base;
            this.at = at;
        }

        long address() {
            return base + at;
        }

        long push(byte[] bytes) {
            at -= bytes.length;
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, stack, at, bytes.length);
            return base + at;
        }

        long push(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            at -= bytes.length + 1L;
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, stack, at, bytes.length);
            stack.set(Layouts.U8, at + bytes.length, (byte) 0);
            return base + at;
        }

        /** Last string highest, so that they follow each other in memory in their order. */
        long[] push(List<String> texts) {
            long[] addresses = new long[texts.size()];
            for (int i = texts.size() - 1; i >= 0; i--) {
                addresses[i] = push(texts.get(i));
            }
            return addresses;
        }
    }
}
