package dev.caisson.kernel.namespace;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTTY;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;

/** An open link of /proc/PID/ns: holds a namespace, for setns(2). It can neither be read nor written. */
public final class NamespaceFile extends OpenFile {
    /** ioctl_ns(2): _IO(0xb7, n). */
    private static final int NS_GET_NSTYPE = 0xb703;
    private static final int NS_GET_OWNER_UID = 0xb704;

    private final NamespaceKind kind;
    private final Object namespace;

    NamespaceFile(NamespaceKind kind, Object namespace) {
        this.kind = kind;
        this.namespace = namespace;
    }

    /** {@return the kind} */
    public NamespaceKind kind() {
        return kind;
    }

    /** {@return the namespace itself} */
    Object namespace() {
        return namespace;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        return switch (command) {
            case NS_GET_NSTYPE -> kind.flag();
            case NS_GET_OWNER_UID -> throw EINVAL.error("only user namespaces have an owner");
            default -> throw ENOTTY.error();
        };
    }
}
