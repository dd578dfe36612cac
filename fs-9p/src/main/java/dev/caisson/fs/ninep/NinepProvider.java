package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.SizeText;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.LinkedHashMap;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * Mounts trees of 9P2000.L servers. The source is {@code unix:PATH}, {@code tcp:HOST:PORT} or {@code fd:NUMBER}; or an absolute
 * path on the host, which a gofer of Caisson's own then serves; options may follow it behind commas. Options:
 * {@code aname=} the tree of a server (default: empty), {@code uname=} and {@code uid=} the user to attach as (default: root, 0),
 * {@code cache=exclusive|shared} who else changes the files (default: exclusive when read only, else shared), {@code locks=local|server}
 * whether locks are had at the server, too (default: server when shared), {@code msize=} the largest message in bytes, {@code timeout=}
 * milliseconds that a request may stay unanswered, {@code extension=on|off} whether to offer Caisson's extension, {@code ro}. Limits of the
 * cache: {@code fids=} and {@code files=} that nobody uses at the moment (4096, 384), {@code pages=} bytes of content (default: what memory
 * there is), {@code dirty=} bytes written that the server does not have yet (64m), {@code age=} milliseconds that it may lack them (30000);
 * bytes with k, m or g.
 */
@Component(property = {FileSystemProvider.NAME + "=9p", FileSystemProvider.ROOT + ":Boolean=true"})
public final class NinepProvider implements FileSystemProvider {
    /** Of a limit. */
    private static final long MOST_BYTES = 1L << 40;

    private final MemoryFile memory;

    /**
     * Makes the provider.
     *
     * @param memory where cached pages live
     */
    @Activate
    public NinepProvider(@Reference MemoryFile memory) {
        this.memory = memory;
    }

    @Override
    public String name() {
        return "9p";
    }

    @Override
    public boolean isGuestMountable() {
        return false; // it would connect to any server of the host
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        boolean isReadOnly = (request.flags() & Mount.MS_RDONLY) != 0;
        CachePolicy policy = isReadOnly ? CachePolicy.EXCLUSIVE : CachePolicy.SHARED;
        String locks = null;
        CacheOptions limits = CacheOptions.of(policy);
        String tree = null;
        String user = "root";
        int uid = 0;
        int messageBytes = ServerOptions.MESSAGE_BYTES;
        long timeoutMs = ServerOptions.TIMEOUT_MS;
        boolean isExtended = true;
        String[] words = request.source().split(",");
        String source = words[0];
        Map<String, String> options = new LinkedHashMap<>(request.options());
        for (int i = 1; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            options.put(equals < 0 ? words[i] : words[i].substring(0, equals), words[i].substring(equals + 1));
        }
        for (Map.Entry<String, String> option : options.entrySet()) {
            String value = option.getValue();
            switch (option.getKey()) {
                case "aname" -> tree = text(value);
                case "uname" -> user = text(value);
                case "uid" -> uid = (int) number(value, 0, 0xffff_fffeL);
                case "msize" -> messageBytes = (int) number(value, Protocol.LEAST_MESSAGE_BYTES, Protocol.MOST_MESSAGE_BYTES);
                case "timeout" -> timeoutMs = number(value, 1, Integer.MAX_VALUE);
                case "cache" -> policy = switch (value) {
                    case "exclusive" -> CachePolicy.EXCLUSIVE;
                    case "shared" -> CachePolicy.SHARED;
                    default -> throw EINVAL.error("cache is exclusive or shared");
                };
                case "locks" -> locks = value;
                case "fids" -> limits = limits.withHandles((int) number(value, 16, 1 << 20), limits.idleFiles());
                case "files" -> limits = limits.withHandles(limits.idleFids(), (int) number(value, 16, 1 << 20));
                case "pages" -> limits = limits.withPages(SizeText.parse(value, 0, MOST_BYTES));
                case "dirty" -> limits = limits.withDirty(SizeText.parse(value, 1, MOST_BYTES), limits.dirtyAgeNs());
                case "age" -> limits = limits.withDirty(limits.dirtyBytes(), number(value, 1, 1L << 32) * 1_000_000);
                case "extension" -> isExtended = switch (value) {
                    case "on" -> true;
                    case "off" -> false;
                    default -> throw EINVAL.error("extension is on or off");
                };
                case "ro" -> isReadOnly = true;
                case "rw" -> { }
                default -> throw EINVAL.error("9p: unknown option");
            }
        }
        Connector connector;
        if (source.startsWith("/")) {
            connector = new GoferConnector(source, isReadOnly);
            tree = GoferConnector.TREE;
        } else {
            connector = ServerAddress.of(source);
            tree = tree == null ? "" : tree;
        }
        return new NinepFileSystem(new ServerOptions(connector, tree, user, uid, messageBytes, timeoutMs, isExtended),
                caching(limits, policy, locks), isReadOnly, memory, request.deviceId());
    }

    private static CacheOptions caching(CacheOptions limits, CachePolicy policy, String locks) throws ErrnoException {
        boolean areAtServer = switch (locks) {
            case null -> policy == CachePolicy.SHARED;
            case "server" -> true;
            case "local" -> false;
            default -> throw EINVAL.error("locks is server or local");
        };
        return limits.withPolicy(policy, areAtServer);
    }

    private static String text(String value) throws ErrnoException {
        if (value.length() > Protocol.LINK_BYTES || value.indexOf('\0') >= 0) {
            throw EINVAL.error("no name of a tree or user");
        }
        return value;
    }

    private static long number(String value, long least, long most) throws ErrnoException {
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw EINVAL.error("9p: a number out of its range");
    }
}
