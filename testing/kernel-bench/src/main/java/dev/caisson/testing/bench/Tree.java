package dev.caisson.testing.bench;

import com.sun.management.ThreadMXBean;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.Registers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Files of the lower layer that nobody has used before, one after the other: what a digest of a tree, or a compiler's headers, cost. */
final class Tree implements Script {
    static final String NAME = "first stat, open+fstat+read+close";

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int READ = 0, CLOSE = 3, STAT = 4, FSTAT = 5, OPENAT = 257;
    private static final int BUFFER = 1 << 16;
    private static final int MOST_FILES = 24_000;

    private final List<byte[]> files;
    private final long name;
    private final long buffer;
    private final boolean statOnly;
    private int file = -1;
    private int step;
    private long fd;
    private long beganNs;
    private long elapsedNs;

    private Tree(List<byte[]> files, long name, long buffer, boolean statOnly) {
        this.files = files;
        this.name = name;
        this.buffer = buffer;
        this.statOnly = statOnly;
    }

    static void measure(Guest guest, String root) {
        List<byte[]> files = files(root);
        int part = files.size() / 4;
        guest.run(new Tree(files.subList(0, part), guest.memory(1 << 13), guest.memory(BUFFER), true)); // the compiler's turn
        guest.run(new Tree(files.subList(0, 2 * part), guest.memory(1 << 13), guest.memory(BUFFER), false));
        List<byte[]> first = files.subList(2 * part, 3 * part);
        List<byte[]> second = files.subList(3 * part, files.size());
        report(guest, "first stat of files", first, true);
        report(guest, "open+fstat+read+close of them, first", first, false);
        report(guest, "open+fstat+read+close of unknown files", second, false);
        report(guest, "open+fstat+read+close again", second, false);
    }

    private static void report(Guest guest, String what, List<byte[]> files, boolean statOnly) {
        Tree tree = new Tree(files, guest.memory(1 << 13), guest.memory(BUFFER), statOnly);
        guest.run(tree);
        System.out.printf("%-40s %10.0f%n", what, (double) tree.elapsedNs / files.size());
    }

    private static List<byte[]> files(String root) {
        List<byte[]> files = new ArrayList<>();
        try (Stream<Path> all = Files.walk(Path.of(root))) {
            all.filter(path -> Files.isRegularFile(path) && path.toFile().length() < BUFFER).limit(MOST_FILES).forEach(path -> {
                files.add((path + "\0").getBytes(StandardCharsets.UTF_8));
                try {
                    Files.readAllBytes(path); // the host has it in memory
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }

    @Override
    public boolean next(Task task, Registers registers) {
        long result = registers.rax();
        if (file < 0) {
            beganNs = THREADS.getCurrentThreadCpuTime();
        } else if (result < 0 && result > -4096) {
            throw new IllegalStateException(result + " for " + new String(files.get(file), StandardCharsets.UTF_8));
        }
        if (statOnly || step == 0) {
            if (++file == files.size()) {
                elapsedNs = THREADS.getCurrentThreadCpuTime() - beganNs;
                return false;
            }
            byte[] path = files.get(file);
            try {
                task.memory().copyOut(name, MemorySegment.ofArray(path));
            } catch (ErrnoException e) {
                throw new IllegalStateException(e);
            }
        }
        if (statOnly) {
            call(registers, STAT, name, buffer, 0, 0);
            return true;
        }
        switch (step) {
            case 0 -> call(registers, OPENAT, Fcntl.AT_FDCWD, name, 0, 0);
            case 1 -> {
                fd = result;
                call(registers, FSTAT, fd, buffer, 0, 0);
            }
            case 2 -> call(registers, READ, fd, buffer, BUFFER, 0);
            default -> call(registers, CLOSE, fd, 0, 0, 0);
        }
        step = (step + 1) % 4;
        return true;
    }

    private static void call(Registers registers, int number, long a, long b, long c, long d) {
        registers.rdi(a);
        registers.rsi(b);
        registers.rdx(c);
        registers.r10(d);
        registers.origRax(number);
    }
}
