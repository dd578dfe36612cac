package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.control.SandboxBuilder;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.container.ContainerStdio;
import dev.caisson.control.internal.BootCaller;
import dev.caisson.fs.dev.DevptsProvider;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.proc.ProcKernelFileSystem;
import dev.caisson.fs.sys.SysKernelFileSystem;
import dev.caisson.fs.tmpfs.TmpfsProvider;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.memory.MemoryFile;
import dev.caisson.net.stack.LoopbackProvider;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciDefaults;
import dev.caisson.platform.ptrace.PtracePlatform;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.syscalls.LinuxTable;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** An OCI bundle with busybox as its root, made by hand, and containers of it in a kernel in this process. */
final class Bundle {
    private static final Path BUSYBOX = Path.of("/bin/busybox");
    private static final List<String> COMMANDS = List.of("sh", "ls", "cat", "id", "hostname", "echo", "touch", "mkdir", "stat", "kill", "sleep",
            "head", "dd", "grep", "env", "pwd", "test", "chmod", "true", "false", "wc", "uname", "readlink", "sort", "mv", "rm", "ps");

    /** What a container showed: its status as a shell has it, and its output and errors. */
    record Shown(int status, String output) {}

    final Path directory;
    final JsonObject config;

    /**
     * Makes a bundle that runs a script with the default configuration.
     *
     * @param directory an empty directory
     */
    Bundle(Path directory) throws IOException {
        assumeTrue(Files.isExecutable(BUSYBOX), "no busybox");
        this.directory = directory;
        Path rootfs = directory.resolve("rootfs");
        Files.createDirectories(rootfs.resolve("bin"));
        Files.createDirectories(rootfs.resolve("etc"));
        Files.createDirectories(directory.resolve("out"));
        Files.copy(BUSYBOX, rootfs.resolve("bin/busybox"));
        for (String command : COMMANDS) {
            Files.createSymbolicLink(rootfs.resolve("bin").resolve(command), Path.of("busybox"));
        }
        Files.writeString(rootfs.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:w:/srv/web:/bin/sh\n");
        config = object(OciDefaults.config(false, 0, 0));
        process().put("terminal", false);
        mount("{'destination':'/out','type':'bind','source':'out','options':['rbind']}");
    }

    /** JSON with apostrophes for quotation marks. */
    static JsonObject object(String json) {
        try {
            return JsonParser.object().from(json.indexOf('"') >= 0 ? json : json.replace('\'', '"'));
        } catch (JsonParserException e) {
            throw new IllegalArgumentException(json, e);
        }
    }

    static JsonArray array(Object... values) {
        return new JsonArray(List.of(values));
    }

    JsonObject process() {
        return config.getObject("process");
    }

    JsonObject linux() {
        return config.getObject("linux");
    }

    Bundle script(String text) {
        return command("sh", "-c", text);
    }

    Bundle command(Object... words) {
        process().put("args", array(words));
        return this;
    }

    Bundle mount(String json) {
        config.getArray("mounts").add(object(json));
        return this;
    }

    OciConfig read() throws IOException, OciConfigException {
        Files.writeString(directory.resolve(OciConfig.FILE), JsonWriter.string(config));
        return OciConfig.read(directory);
    }

    /** {@return a kernel for containers, on the platform that works everywhere} */
    static ContainerKernel boot() throws ErrnoException, SandboxException {
        MemoryFile memory = SandboxBuilder.newMemoryFile();
        SandboxDevices devices = new SandboxDevices(memory);
        return ContainerKernel.boot(new SandboxBuilder(memory).platform(new PtracePlatform()).devices(devices)
                .fileSystem(new TmpfsProvider(memory)).fileSystem(new HostDirectoryProvider(memory)).fileSystem(new DevptsProvider(devices))
                .kernelFileSystem(new ProcKernelFileSystem()).kernelFileSystem(new SysKernelFileSystem())
                .network(new LoopbackProvider()).syscalls(new LinuxTable()), "sandbox");
    }

    Container create(ContainerKernel kernel) throws IOException, OciConfigException, SandboxException {
        return ContainerLaunch.create(kernel, directory.getFileName().toString(), read(), new Output("init"));
    }

    /** Runs the container to its end in a kernel of its own. */
    Shown run() throws Exception {
        try (ContainerKernel kernel = boot()) {
            Container container = create(kernel);
            container.start();
            return shown("init", container.process().awaitExit());
        }
    }

    Shown shown(String name, int waitStatus) throws IOException {
        return new Shown(Kernel.shellStatus(waitStatus), Files.readString(directory.resolve("out").resolve(name)));
    }

    /** Descriptors of a process: an empty input, and a file of the bundle for output and errors. */
    static final class Output implements ContainerStdio {
        private final String name;

        Output(String name) {
            this.name = name;
        }

        @Override
        public FdTable table(Kernel kernel, SandboxDevices devices, FsContext fs) throws ErrnoException {
            BootCaller caller = new BootCaller(fs, Credentials.ROOT);
            FdTable table = new FdTable();
            FileDescription input = kernel.vfs().open(caller, null, "/dev/null", Fcntl.O_RDONLY, 0, 0);
            FileDescription output = kernel.vfs().open(caller, null, "/out/" + name, Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_APPEND, 0666, 0);
            output.retain();
            for (FileDescription each : List.of(input, output, output)) {
                table.fill(table.reserve(false), each);
            }
            return table;
        }

        @Override
        public void control(GuestProcess process) {}

        @Override
        public void close() {}
    }
}
