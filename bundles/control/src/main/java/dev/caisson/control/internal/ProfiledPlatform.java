package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.CodePatcher;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.ForwardingPlatform;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import java.io.IOException;
import java.io.Writer;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Measures the kernel's own share: how long each task stays on this side of the platform's boundary, between the end of a
 * {@link GuestContext#run} and the start of the next one, without the time it sleeps. Wrapped around a platform when the environment
 * variable {@value #VARIABLE} names a file, to which the result is written: event, count, median nanoseconds, a line each.
 */
final class ProfiledPlatform extends ForwardingPlatform {
    static final String VARIABLE = "CAISSON_PROFILE";

    private static final int FAULT = 1024;
    private static final int OTHER = 1025;

    private final Path file;
    private final Map<Integer, Samples> samples = new ConcurrentHashMap<>();

    ProfiledPlatform(Platform platform, Path file) {
        super(platform);
        this.file = file;
    }

    /** The durations of one kind of event: how many there were, and the latest ones. */
    private static final class Samples {
        private static final int KEPT = 4096;
        private final long[] latest = new long[KEPT];
        private long count;

        synchronized void add(long durationNs) {
            latest[(int) (count++ % KEPT)] = durationNs;
        }

        synchronized String line() {
            long[] sorted = Arrays.copyOf(latest, (int) Math.min(count, KEPT));
            Arrays.sort(sorted);
            return count + "\t" + sorted[sorted.length / 2];
        }
    }

    /** Writes what was measured so far. */
    void write() throws IOException {
        try (Writer out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
            for (Map.Entry<Integer, Samples> entry : new TreeMap<>(samples).entrySet()) {
                int event = entry.getKey();
                String name = event == FAULT ? "fault" : event == OTHER ? "other" : "syscall " + event;
                out.write(name + "\t" + entry.getValue().line() + "\n");
            }
        }
    }

    private final class Context implements GuestContext {
        private final GuestContext context;
        private long leftNs;
        private long asleepNs;
        private long sleptSinceNs;
        private int event = -1;

        Context(GuestContext context) {
            this.context = context;
        }

        @Override
        public Exit run(AddressSpace space, Registers registers) throws ErrnoException {
            if (event >= 0) {
                samples.computeIfAbsent(event, key -> new Samples()).add(System.nanoTime() - leftNs - asleepNs);
            }
            Exit exit = context.run(((Space) space).space, registers);
            leftNs = System.nanoTime();
            asleepNs = 0;
            if (exit == Exit.Plain.SYSCALL) {
                event = (int) registers.origRax() & 1023;
            } else {
                event = exit instanceof Exit.Fault ? FAULT : OTHER;
            }
            return exit;
        }

        @Override
        public void interrupt() {
            context.interrupt();
        }

        @Override
        public int fpuBytes() {
            return context.fpuBytes();
        }

        @Override
        public void saveFpu(MemorySegment image) throws ErrnoException {
            context.saveFpu(image);
        }

        @Override
        public void restoreFpu(MemorySegment image) throws ErrnoException {
            context.restoreFpu(image);
        }

        @Override
        public void resetFpu() throws ErrnoException {
            context.resetFpu();
        }

        @Override
        public void sleeping() {
            sleptSinceNs = System.nanoTime();
            context.sleeping();
        }

        @Override
        public void awake() {
            context.awake();
            asleepNs += System.nanoTime() - sleptSinceNs;
        }

        @Override
        public boolean reset() {
            event = -1;
            return context.reset();
        }

        @Override
        public void startBeside(GuestContext parent) {
            context.startBeside(((Context) parent).context);
        }

        @Override
        public void close() {
            context.close();
        }
    }

    /** Only there to hand the platform its own contexts back. */
    private record Space(AddressSpace space) implements AddressSpace {
        @Override
        public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) throws ErrnoException {
            space.map(address, lengthBytes, fileOffset, protection, populate);
        }

        @Override
        public void mapLater(long address, long lengthBytes, long fileOffset, int protection) throws ErrnoException {
            space.mapLater(address, lengthBytes, fileOffset, protection);
        }

        @Override
        public void beginChanges() {
            space.beginChanges();
        }

        @Override
        public void endChanges() {
            space.endChanges();
        }

        @Override
        public void codePatcher(CodePatcher patcher) {
            space.codePatcher(patcher);
        }

        @Override
        public void inheritCode(AddressSpace parent) {
            space.inheritCode(((Space) parent).space);
        }

        @Override
        public void restoreCode() {
            space.restoreCode();
        }

        @Override
        public void unmap(long address, long lengthBytes) {
            space.unmap(address, lengthBytes);
        }

        @Override
        public void protect(long address, long lengthBytes, int protection) throws ErrnoException {
            space.protect(address, lengthBytes, protection);
        }

        @Override
        public AddressSpace fork(GuestContext current) throws ErrnoException {
            return new Space(space.fork(((Context) current).context));
        }

        @Override
        public void prepareContext(GuestContext current) throws ErrnoException {
            space.prepareContext(((Context) current).context);
        }

        @Override
        public void prepareContext(GuestContext current, GuestContext next) throws ErrnoException {
            space.prepareContext(((Context) current).context, next == null ? null : ((Context) next).context);
        }

        @Override
        public void close() {
            space.close();
        }
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        return new Space(super.newAddressSpace(memoryFile));
    }

    @Override
    public GuestContext newContext() {
        return new Context(super.newContext());
    }
}
