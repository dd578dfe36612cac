package dev.caisson.gofer;

import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireWriter;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * A short session with ourselves, before the process shuts itself in: later neither the class path nor the runtime's libraries can be
 * opened, so everything that serves a client has been loaded by then.
 */
final class Rehearsal {
    private static final int REPLY_BYTES = 64 << 10;

    private static final List<String> PACKAGES = List.of("dev/caisson/gofer", "dev/caisson/ninep", "dev/caisson/host", "dev/caisson/abi");

    private Rehearsal() {}

    /** A jar stays open; a directory of classes (of a build) does not, so everything in it is loaded. */
    private static void loadDirectories() {
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            for (String folder : PACKAGES) {
                String[] files = new File(entry, folder).list();
                for (String file : files == null ? new String[0] : files) {
                    if (file.endsWith(".class") && !file.equals("package-info.class")) {
                        load(folder.replace('/', '.') + '.' + file.substring(0, file.length() - ".class".length()));
                    }
                }
            }
        }
    }

    private static void load(String name) {
        try {
            Class.forName(name);
        } catch (ReflectiveOperationException | LinkageError e) {
            System.err.println("caisson gofer: cannot load " + name + ": " + e); // a test's class, say
        }
    }

    static void run(Environment environment) {
        loadDirectories();
        long pair = HostSocket.pair();
        if (pair < 0) {
            return;
        }
        int near = (int) pair;
        Server server = new Server(environment, () -> {});
        server.start();
        server.serve((int) (pair >>> 32), true);
        server.settle();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(REPLY_BYTES);
            WireWriter out = new WireWriter();
            ask(near, buffer, out.start(MessageType.TVERSION, Protocol.NO_TAG).u32(REPLY_BYTES).string(Protocol.EXTENDED_VERSION));
            for (Export export : environment.exports()) {
                ask(near, buffer, out.start(MessageType.TATTACH, 1).u32(1).u32(Protocol.NO_FID).string("").string(export.name()).u32(0));
                ask(near, buffer, out.start(MessageType.TWALK, 1).u32(1).u32(2).u16(0));
                ask(near, buffer, out.start(MessageType.TWALKGETATTR, 1).u32(1).u32(Protocol.NO_FID).u16(1).string(".."));
                ask(near, buffer, out.start(MessageType.TGETATTR, 1).u32(1).u64(0x7ff));
                for (int i = 0; i <= Nearness.STEADY; i++) {
                    int tag = Protocol.tag(1, environment.processors()[0]);
                    ask(near, buffer, out.start(MessageType.TGETATTR, tag).u32(1).u64(0x7ff));
                }
                ask(near, buffer, out.start(MessageType.TSTATFS, 1).u32(1));
                ask(near, buffer, out.start(MessageType.TXATTRWALK, 1).u32(1).u32(3).string(""));
                ask(near, buffer, out.start(MessageType.TREADLINK, 1).u32(1));
                ask(near, buffer, out.start(MessageType.TUNLINKAT, 1).u32(1).string("/").u32(0));
                ask(near, buffer, out.start(MessageType.TSETATTR, 1).u32(1).u32(0).u32(0).u32(0).u32(0).u64(0).u64(0).u64(0).u64(0).u64(0));
                ask(near, buffer, out.start(MessageType.TSETATTRAT, 1).u32(1).string("/").u64(0).u32(0).u32(0).u32(0).u32(0).u64(0).u64(0).u64(0)
                    .u64(0).u64(0));
                ask(near, buffer, out.start(MessageType.TMAKEAT, 1).u32(1).string("/").u32(0x4000).u32(0).u32(0).string(""));
                ask(near, buffer, out.start(MessageType.TREMOVE, 1).u32(3));
                ask(near, buffer, out.start(MessageType.TLOPEN, 1).u32(2).u32(0));
                ask(near, buffer, out.start(MessageType.TREADDIR, 1).u32(2).u64(0).u32(1000));
                ask(near, buffer, out.start(MessageType.TREADDIRATTR, 1).u32(2).u64(0).u32(1000));
                ask(near, buffer, out.start(MessageType.TREAD, 1).u32(2).u64(0).u32(10));
                ask(near, buffer, out.start(MessageType.TFLUSH, 1).u16(5));
                ask(near, buffer, out.start(MessageType.TCLUNK, 1).u32(2));
                ask(near, buffer, out.start(MessageType.TCLUNK, 1).u32(1));
            }
        }
        HostFile.close(near);
    }

    private static void ask(int fd, MemorySegment buffer, WireWriter request) {
        int bytes = request.finish(0);
        MemorySegment.copy(request.array(), 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes);
        HostSocket.send(fd, buffer.address(), bytes, 0, 0, -1);
        HostFile.read(fd, buffer.address(), REPLY_BYTES);
    }
}
