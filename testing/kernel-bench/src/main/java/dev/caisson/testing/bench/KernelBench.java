package dev.caisson.testing.bench;

import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxBuilder;
import dev.caisson.control.SandboxSpec;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Measures the kernel's own share of system calls: a real kernel over the host's files (an overlay over its root), on a platform that
 * has no guest code to run. Prints a line for each row: nanoseconds and bytes of Java heap, per round of calls.
 *
 * <p>{@code KernelBench [--quick] [REGEX]}
 */
public final class KernelBench {
    private static final String LOWER = "/usr/share/common-licenses/GPL-3";
    private static final int BATCHES = 100;

    private static final int WARM_UP_BATCHES = 200;

    private KernelBench() {}

    /**
     * Measures and prints.
     *
     * @param args options and which rows
     * @throws Exception when the sandbox cannot be made
     */
    public static void main(String[] args) throws Exception {
        boolean quick = Arrays.asList(args).contains("--quick");
        String wanted = Arrays.stream(args).filter(word -> !word.startsWith("--")).findFirst().orElse("");
        long batchNs = quick ? 1_000_000 : 4_000_000;
        Pattern pattern = Pattern.compile(wanted);
        NullPlatform platform = new NullPlatform();
        platform.expect(guest -> {
            System.out.printf("%-40s %10s %10s %10s%n", "calls", "least ns", "median ns", "bytes");
            new Rows(LOWER).all().forEach((name, row) -> {
                if (pattern.matcher(name).find()) {
                    row.accept(guest, calls -> measure(guest, name, batchNs, calls));
                }
            });
            if (pattern.matcher(Tree.NAME).find()) {
                Tree.measure(guest, "/usr/share");
            }
            if (pattern.matcher(PingPong.NAME).find()) {
                PingPong.measure(guest, 10 * batchNs * BATCHES);
            }
            if (pattern.matcher(Echo.NAME).find()) {
                Echo.measure(guest, 10 * batchNs * BATCHES);
            }
        });
        try (Sandbox sandbox = start(platform)) {
            System.exit(sandbox.awaitExit());
        }
    }

    private static void measure(Guest guest, String name, long batchNs, Call... calls) {
        double warmUpNs = Integer.getInteger("warm", WARM_UP_BATCHES) * batchNs;
        Cycle cycle;
        do {
            cycle = new Cycle(500, calls);
            guest.run(cycle);
            warmUpNs -= 500 * cycle.roundNs();
        } while (warmUpNs > 0);
        long iterations = Math.max(20, (long) (batchNs / cycle.roundNs()));
        double[] rounds = new double[BATCHES];
        double bytes = Double.MAX_VALUE;
        for (int i = 0; i < BATCHES; i++) {
            cycle = new Cycle(iterations, calls);
            guest.run(cycle);
            rounds[i] = cycle.roundNs();
            bytes = Math.min(bytes, cycle.roundBytes());
        }
        Arrays.sort(rounds);
        System.out.printf("%-40s %10.0f %10.0f %10.0f%n", name, rounds[0], rounds[BATCHES / 2], bytes);
    }

    private static Sandbox start(NullPlatform platform) throws Exception {
        MemoryFile memory = SandboxBuilder.newMemoryFile();
        FileSystemProvider tmpfs = make("dev.caisson.fs.tmpfs.TmpfsProvider", FileSystemProvider.class, memory);
        FileSystemProvider directories = make("dev.caisson.fs.host.HostDirectoryProvider", FileSystemProvider.class, memory);
        SandboxDevices devices = new SandboxDevices(memory);
        return new SandboxBuilder(memory).platform(platform).devices(devices)
                .rootfs(make("dev.caisson.fs.overlay.OverlayProvider", FileSystemProvider.class, tmpfs, directories))
                .fileSystem(tmpfs)
                .fileSystem(directories)
                .fileSystem(make("dev.caisson.fs.dev.DevtmpfsProvider", FileSystemProvider.class, tmpfs))
                .fileSystem(make("dev.caisson.fs.dev.DevptsProvider", FileSystemProvider.class, devices))
                .kernelFileSystem(make("dev.caisson.fs.proc.ProcKernelFileSystem", KernelFileSystem.class))
                .kernelFileSystem(make("dev.caisson.fs.sys.SysKernelFileSystem", KernelFileSystem.class))
                .syscalls(make("dev.caisson.syscalls.LinuxTable", SyscallTableProvider.class))
                .start(SandboxSpec.of(List.of("/bin/true")).build());
    }

    /** Instantiates a provider, whose class is private to its bundle, by its one public constructor. */
    private static <T> T make(String name, Class<T> type, Object... arguments) throws Exception {
        return type.cast(Class.forName(name).getConstructors()[0].newInstance(arguments));
    }
}
