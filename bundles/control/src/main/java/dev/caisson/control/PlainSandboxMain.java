package dev.caisson.control;

import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.container.ContainerProcess;
import dev.caisson.control.lifecycle.PassedStdio;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Runs a program in a sandbox without a framework, for debugging: the providers are named classes on the class path.
 *
 * <p>{@code java ... dev.caisson.control.PlainSandboxMain [--strace] [--rootfs overlay|hostdir|9p|overlay+9p] [--root SOURCE] [--root-options OPTIONS] [--platform ptrace|systrap|kvm] [--] CMD [ARG...]},
 * or {@code --bundle DIR [--exec PROCESS.json]...} for an OCI container.
 */
public final class PlainSandboxMain {
    private PlainSandboxMain() {}

    /**
     * Runs and exits with the program's status.
     *
     * @param args options and command
     * @throws Exception when something fails; this is for people who read stack traces
     */
    public static void main(String[] args) throws Exception {
        List<String> words = new ArrayList<>(Arrays.asList(args));
        String strace = null;
        String rootfs = "overlay";
        String source = "/";
        String options = "";
        String platform = "ptrace";
        String bundle = null;
        List<String> executed = new ArrayList<>();
        while (!words.isEmpty() && words.getFirst().startsWith("--")) {
            String word = words.removeFirst();
            if (word.equals("--strace")) {
                strace = "-";
            } else if (word.equals("--rootfs")) {
                rootfs = words.removeFirst();
            } else if (word.equals("--root")) {
                source = words.removeFirst();
            } else if (word.equals("--root-options")) {
                options = words.removeFirst();
            } else if (word.equals("--bundle")) {
                bundle = words.removeFirst();
            } else if (word.equals("--exec")) {
                executed.add(words.removeFirst());
            } else if (word.equals("--platform")) {
                platform = words.removeFirst();
            } else if (word.equals("--")) {
                break;
            }
        }
        MemoryFile memory = SandboxBuilder.newMemoryFile();
        FileSystemProvider tmpfs = make("dev.caisson.fs.tmpfs.TmpfsProvider", FileSystemProvider.class, memory);
        FileSystemProvider directories = make("dev.caisson.fs.host.HostDirectoryProvider", FileSystemProvider.class, memory);
        FileSystemProvider server = ifThere("dev.caisson.fs.ninep.NinepProvider", memory);
        FileSystemProvider archives = ifThere("dev.caisson.fs.tar.TarProvider", memory, Map.of());
        FileSystemProvider root = switch (rootfs) {
            case "hostdir" -> directories;
            case "tmpfs" -> tmpfs;
            case "9p" -> server;
            case "tar" -> archives;
            case "overlay+9p" -> make("dev.caisson.fs.overlay.OverlayOverNinepProvider", FileSystemProvider.class, tmpfs, server, directories);
            default -> make("dev.caisson.fs.overlay.OverlayProvider", FileSystemProvider.class, tmpfs, directories, archives, server);
        };
        SandboxBuilder builder = new SandboxBuilder(memory)
                .platform(make(platformClass(platform), Platform.class))
                .rootfs(root).root(source, options).fileSystem(tmpfs).fileSystem(directories)
                .syscalls(make("dev.caisson.syscalls.LinuxTable", SyscallTableProvider.class));
        SandboxDevices devices = new SandboxDevices(memory);
        builder.devices(devices)
                .fileSystem(make("dev.caisson.fs.dev.DevtmpfsProvider", FileSystemProvider.class, tmpfs))
                .fileSystem(make("dev.caisson.fs.dev.DevptsProvider", FileSystemProvider.class, devices));
        for (String name : List.of("dev.caisson.fs.proc.ProcKernelFileSystem", "dev.caisson.fs.sys.SysKernelFileSystem")) {
            try {
                builder.kernelFileSystem(make(name, KernelFileSystem.class));
            } catch (ClassNotFoundException e) {
                System.err.println("left out: " + name);
            }
        }
        try {
            builder.network(make("dev.caisson.net.stack.LoopbackProvider", NetworkStack.class));
        } catch (ClassNotFoundException e) {
            System.err.println("left out: network");
        }
        int status;
        if (bundle != null) {
            Runtime.getRuntime().halt(runContainer(builder, Path.of(bundle), executed));
        }
        try (Sandbox sandbox = builder.start(SandboxSpec.of(words).environment(environment()).strace(strace)
                .workingDirectory(System.getProperty("user.dir")).build())) {
            sandbox.takeSignals();
            status = sandbox.awaitExit();
        } catch (SandboxException e) {
            System.err.println("caisson: " + e.getMessage());
            if (e.getCause() != null) {
                e.printStackTrace();
            }
            status = e.exitStatus();
        }
        Runtime.getRuntime().halt(status);
    }

    /** Runs an OCI bundle with this process' descriptors; one process is executed in it after the other, once it has started. */
    private static int runContainer(SandboxBuilder builder, Path bundle, List<String> executed) throws Exception {
        try (ContainerKernel kernel = ContainerKernel.boot(builder, "caisson")) {
            Container container = ContainerLaunch.create(kernel, "plain", OciConfig.read(bundle), new PassedStdio(List.of(0, 1, 2), true));
            container.start();
            for (String file : executed) {
                ContainerProcess process = container.exec(OciProcess.read(Path.of(file)), new PassedStdio(List.of(0, 1, 2), true));
                int status = Kernel.shellStatus(process.awaitExit());
                if (status != 0) {
                    return status;
                }
            }
            return Kernel.shellStatus(container.process().awaitExit());
        } catch (SandboxException e) {
            System.err.println("caisson: " + e.getMessage());
            return e.exitStatus();
        } catch (OciConfigException e) {
            System.err.println("caisson: " + e.getMessage());
            return SandboxException.OWN_FAILURE;
        }
    }

    private static String platformClass(String name) {
        return "dev.caisson.platform." + name + "." + Character.toUpperCase(name.charAt(0)) + name.substring(1) + "Platform";
    }

    private static List<String> environment() {
        List<String> environment = new ArrayList<>();
        System.getenv().forEach((name, value) -> environment.add(name + "=" + value));
        return environment;
    }

    private static FileSystemProvider ifThere(String name, Object... arguments) throws Exception {
        try {
            return make(name, FileSystemProvider.class, arguments);
        } catch (ClassNotFoundException e) {
            return null; // whoever asks for it sees that
        }
    }

    /** Instantiates a provider by its public constructor of so many arguments, so that this class needs no implementation at compile time. */
    private static <T> T make(String name, Class<T> type, Object... arguments) throws Exception {
        for (Constructor<?> each : Class.forName(name).getConstructors()) {
            if (each.getParameterCount() == arguments.length) {
                return type.cast(each.newInstance(arguments));
            }
        }
        throw new NoSuchMethodException(name);
    }
}
