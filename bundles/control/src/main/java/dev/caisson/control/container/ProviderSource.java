package dev.caisson.control.container;

import dev.caisson.control.SandboxException;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;

/** Where a running kernel gets other providers from than those that it began with. Each is made when it is first asked for. */
public interface ProviderSource {
    /** There are no others. */
    ProviderSource NONE = new ProviderSource() {
        @Override
        public Platform platform(String name) throws SandboxException {
            throw missing("platform", name);
        }

        @Override
        public NetworkStack network(String name) throws SandboxException {
            throw missing("network", name);
        }

        @Override
        public SyscallTable syscalls(String name) throws SandboxException {
            throw missing("syscalls", name);
        }

        @Override
        public boolean isRoot(String name) {
            return false;
        }

        @Override
        public LayerExporter exporter() {
            return null;
        }

        private static SandboxException missing(String kind, String name) {
            return new SandboxException("no " + kind + " named " + name, null);
        }
    };

    /**
     * A way to run guest code.
     *
     * @param name its name
     * @return the platform
     * @throws SandboxException when there is none of this name, or it does not work on this host
     */
    Platform platform(String name) throws SandboxException;

    /**
     * What serves sockets.
     *
     * @param name its name
     * @return the stack
     * @throws SandboxException as {@link #platform}
     */
    NetworkStack network(String name) throws SandboxException;

    /**
     * What answers system calls.
     *
     * @param name its name
     * @return the table
     * @throws SandboxException as {@link #platform}
     */
    SyscallTable syscalls(String name) throws SandboxException;

    /**
     * Whether a filesystem can be a root.
     *
     * @param name the provider's
     * @return false also when there is none of this name
     */
    boolean isRoot(String name);

    /** {@return what writes changes as a layer of an image, or null} */
    LayerExporter exporter();
}
