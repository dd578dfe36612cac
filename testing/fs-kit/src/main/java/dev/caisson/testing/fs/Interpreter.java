package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.Vfs;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Carries out steps. A path {@code h!rest} starts at the directory that handle {@code h} is open for, and {@code h!} alone is what the
 * handle is open for. Times are nanoseconds, {@code 3s}, {@code now} or {@code omit}. Operations:
 * <pre>
 *  open PATH FLAGS [MODE] | close H | read H N [AT] | write H TEXT [AT] | seek H N WHENCE | cat PATH | file PATH [TEXT]
 *  truncate PATH N | ftruncate H N | allocate H MODE AT N | sync H | datasync H | setfl H FLAGS
 *  mkdir PATH [MODE] | mknod PATH MODE [DEVICE] | make file|dir|fifo|sock|chr|blk|link PATH | symlink TEXT PATH | readlink PATH
 *  link PATH PATH [FLAGS] | unlink PATH | rmdir PATH | rename PATH PATH [FLAGS]
 *  chmod PATH MODE | chown PATH UID GID | lchown PATH UID GID | utimens PATH A M [FLAGS] | access PATH MASK [FLAGS]
 *  stat PATH FIELDS | lstat PATH FIELDS (mode type uid gid links size rdev atime mtime block) | same PATH PATH | statfs PATH
 *  stamp PATH... | changed PATH (which of a, m, c moved since; "-" for none) | list PATH | entries H BYTES | chdir PATH | umask MASK
 *  getx, lgetx PATH NAME | setx, lsetx PATH NAME VALUE [FLAGS] | removex, lremovex PATH NAME | listx, llistx PATH
 *  flock H OPERATION | lock, olock H TYPE AT N | getlock, ogetlock H TYPE AT N
 * </pre>
 */
final class Interpreter {
    /** What a step on a handle gives that was never opened. */
    static final String UNBOUND = "unbound";

    /** Longer than a tick of any kernel's coarse clock. */
    private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(11);
    private static final long LONG_AGO = 1_000_000_000L * 1_000_000_000L;
    private static final int WHOLE_FILE = 512 << 10;

    private final FileCalls calls;
    private final Map<String, Integer> handles = new HashMap<>();
    private final Map<String, Attributes> stamps = new HashMap<>();

    Interpreter(FileCalls calls) {
        this.calls = calls;
    }

    /** Runs a step and tells what came out: a value, "" for plain success, or the name of the error. */
    String run(Step step) {
        calls.become(step.who() == null ? Identity.ROOT : step.who());
        try {
            return perform(step, step.arguments());
        } catch (ErrnoException e) {
            return e.errno().name();
        } catch (NotOpenException e) {
            return UNBOUND;
        } finally {
            calls.become(Identity.ROOT);
        }
    }

    private static final class NotOpenException extends RuntimeException {
        private static final long serialVersionUID = 1;

        NotOpenException() {
            super(null, null, false, false);
        }
    }

    private int fd(String handle) {
        Integer fd = handles.get(handle);
        if (fd == null) {
            throw new NotOpenException();
        }
        return fd;
    }

    private int dirfd(String path) {
        int mark = path.indexOf('!');
        return mark < 0 ? FileCalls.CWD : fd(path.substring(0, mark));
    }

    private static String rest(String path) {
        return path.substring(path.indexOf('!') + 1);
    }

    private static String or(List<String> arguments, int index, String standard) {
        return index < arguments.size() ? arguments.get(index) : standard;
    }

    private static int flags(List<String> arguments, int index, String standard) {
        return Step.flags(or(arguments, index, standard));
    }

    private static long number(List<String> arguments, int index, long standard) {
        return index < arguments.size() ? Long.decode(arguments.get(index)) : standard;
    }

    private String perform(Step step, List<String> a) throws ErrnoException {
        String first = or(a, 0, "");
        switch (step.operation()) {
            case "open" -> {
                int fd = calls.open(dirfd(first), rest(first), flags(a, 1, "0"), flags(a, 2, "0666"));
                if (step.handle() == null) {
                    calls.close(fd);
                } else {
                    Integer old = handles.put(step.handle(), fd);
                    if (old != null) {
                        calls.close(old);
                    }
                }
            }
            case "close" -> {
                int fd = fd(first);
                handles.remove(first);
                calls.close(fd);
            }
            case "read" -> {
                return calls.read(fd(first), flags(a, 1, "0"), number(a, 2, FileCalls.AT_OFFSET));
            }
            case "write" -> {
                return Long.toString(calls.write(fd(first), or(a, 1, ""), number(a, 2, FileCalls.AT_OFFSET)));
            }
            case "seek" -> {
                return Long.toString(calls.seek(fd(first), number(a, 1, 0), flags(a, 2, "SEEK_SET")));
            }
            case "cat" -> {
                int fd = calls.open(dirfd(first), rest(first), Fcntl.O_RDONLY, 0);
                try {
                    return calls.read(fd, WHOLE_FILE, FileCalls.AT_OFFSET);
                } finally {
                    calls.close(fd);
                }
            }
            case "file" -> {
                int fd = calls.open(dirfd(first), rest(first), Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_TRUNC, 0644);
                try {
                    calls.write(fd, or(a, 1, ""), FileCalls.AT_OFFSET);
                } finally {
                    calls.close(fd);
                }
            }
            case "truncate" -> calls.truncate(first, number(a, 1, 0));
            case "ftruncate" -> calls.truncate(fd(first), number(a, 1, 0));
            case "allocate" -> calls.allocate(fd(first), flags(a, 1, "0"), number(a, 2, 0), number(a, 3, 0));
            case "sync" -> calls.sync(fd(first), false);
            case "datasync" -> calls.sync(fd(first), true);
            case "setfl" -> calls.statusFlags(fd(first), flags(a, 1, "0"));
            case "chdir" -> calls.chdir(dirfd(first), rest(first));
            case "umask" -> calls.umask(flags(a, 0, "022"));
            default -> {
                return named(step, a, first);
            }
        }
        return "";
    }

    private String named(Step step, List<String> a, String first) throws ErrnoException {
        switch (step.operation()) {
            case "mkdir" -> calls.mkdir(dirfd(first), rest(first), flags(a, 1, "0777"));
            case "mknod" -> calls.mknod(dirfd(first), rest(first), flags(a, 1, "0"), number(a, 2, 0));
            case "make" -> make(first, a.get(1));
            case "symlink" -> calls.symlink(first, dirfd(a.get(1)), rest(a.get(1)));
            case "readlink" -> {
                return calls.readlink(dirfd(first), rest(first));
            }
            case "link" -> {
                boolean opened = first.endsWith("!");
                calls.link(dirfd(first), rest(first), dirfd(a.get(1)), rest(a.get(1)), flags(a, 2, opened ? "AT_EMPTY_PATH" : "0"));
            }
            case "unlink" -> calls.unlink(dirfd(first), rest(first), false);
            case "rmdir" -> calls.unlink(dirfd(first), rest(first), true);
            case "rename" -> calls.rename(dirfd(first), rest(first), dirfd(a.get(1)), rest(a.get(1)), flags(a, 2, "0"));
            case "chmod" -> calls.chmod(dirfd(first), rest(first), flags(a, 1, "0"));
            case "chown" -> calls.chown(dirfd(first), rest(first), flags(a, 1, "-1"), flags(a, 2, "-1"), 0);
            case "lchown" -> calls.chown(dirfd(first), rest(first), flags(a, 1, "-1"), flags(a, 2, "-1"), Fcntl.AT_SYMLINK_NOFOLLOW);
            case "utimens" -> calls.setTimes(dirfd(first), rest(first), time(a.get(1)), time(a.get(2)), flags(a, 3, "0"));
            case "access" -> calls.access(dirfd(first), rest(first), flags(a, 1, "F_OK"), flags(a, 2, "0"));
            case "stat" -> {
                return fields(calls.stat(dirfd(first), rest(first), 0), a.get(1));
            }
            case "lstat" -> {
                return fields(calls.stat(dirfd(first), rest(first), Fcntl.AT_SYMLINK_NOFOLLOW), a.get(1));
            }
            case "same" -> {
                Attributes one = lstat(first);
                Attributes other = lstat(a.get(1));
                return Boolean.toString(one.inode() == other.inode() && one.deviceId() == other.deviceId());
            }
            case "statfs" -> {
                return Integer.toString(calls.status(first).nameBytes());
            }
            case "stamp" -> stamp(a);
            case "changed" -> {
                return changed(stamps.get(first), lstat(first));
            }
            case "list" -> {
                List<String> names = new ArrayList<>();
                int fd = first.endsWith("!") ? fd(first.substring(0, first.length() - 1))
                        : calls.open(dirfd(first), rest(first), Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, 0);
                for (List<FileCalls.Entry> some = calls.entries(fd, 4096); !some.isEmpty(); some = calls.entries(fd, 4096)) {
                    some.forEach(entry -> names.add(entry.name()));
                }
                if (!first.endsWith("!")) {
                    calls.close(fd);
                }
                names.remove(".");
                names.remove("..");
                names.sort(null);
                return String.join(",", names);
            }
            case "entries" -> {
                return Integer.toString(calls.entries(fd(first), flags(a, 1, "4096")).size());
            }
            default -> {
                return attributed(step, a, first);
            }
        }
        return "";
    }

    private String attributed(Step step, List<String> a, String first) throws ErrnoException {
        boolean opened = first.endsWith("!");
        boolean follow = !step.operation().startsWith("l");
        String path = opened ? null : first;
        switch (step.operation()) {
            case "getx", "lgetx" -> {
                return calls.getXattr(opened ? dirfd(first) : -1, path, follow, a.get(1));
            }
            case "setx", "lsetx" -> calls.setXattr(opened ? dirfd(first) : -1, path, follow, a.get(1), value(a.get(1), a.get(2)),
                    flags(a, 3, "0"));
            case "removex", "lremovex" -> calls.removeXattr(opened ? dirfd(first) : -1, path, follow, a.get(1));
            case "listx", "llistx" -> {
                List<String> names = new ArrayList<>(calls.listXattrs(opened ? dirfd(first) : -1, path, follow));
                names.removeIf(name -> name.startsWith("security."));
                names.sort(null);
                return String.join(",", names);
            }
            case "flock" -> calls.flock(fd(first), flags(a, 1, "0"));
            case "lock" -> calls.lock(fd(first), false, flags(a, 1, "0"), number(a, 2, 0), number(a, 3, 0));
            case "olock" -> calls.lock(fd(first), true, flags(a, 1, "0"), number(a, 2, 0), number(a, 3, 0));
            case "getlock" -> {
                return calls.lockInTheWay(fd(first), false, flags(a, 1, "0"), number(a, 2, 0), number(a, 3, 0));
            }
            case "ogetlock" -> {
                return calls.lockInTheWay(fd(first), true, flags(a, 1, "0"), number(a, 2, 0), number(a, 3, 0));
            }
            default -> throw new IllegalArgumentException("unknown operation: " + step.text());
        }
        return "";
    }

    /** ACLs are written as setfacl does: {@code u::rw-,u:1000:r--,g::r--,m::rw-,o::---}. */
    private static String value(String name, String text) {
        return name.startsWith("system.posix_acl") && text.contains("::") ? AclText.encode(text) : text;
    }

    private void make(String type, String path) throws ErrnoException {
        switch (type) {
            case "file" -> calls.close(calls.open(dirfd(path), rest(path), Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_WRONLY, 0644));
            case "dir" -> calls.mkdir(dirfd(path), rest(path), 0755);
            case "link" -> calls.symlink("target", dirfd(path), rest(path));
            case "fifo" -> calls.mknod(dirfd(path), rest(path), Stat.S_IFIFO | 0644, 0);
            case "sock" -> calls.mknod(dirfd(path), rest(path), Stat.S_IFSOCK | 0644, 0);
            case "chr" -> calls.mknod(dirfd(path), rest(path), Stat.S_IFCHR | 0644, DeviceNumbers.of(1, 3));
            case "blk" -> calls.mknod(dirfd(path), rest(path), Stat.S_IFBLK | 0644, DeviceNumbers.of(1, 2));
            default -> throw new IllegalArgumentException("unknown type " + type);
        }
    }

    private static long time(String text) {
        return switch (text) {
            case "now" -> Vfs.NOW;
            case "omit" -> Vfs.OMIT;
            default -> text.endsWith("s") ? Long.parseLong(text.substring(0, text.length() - 1)) * 1_000_000_000L : Long.parseLong(text);
        };
    }

    private Attributes lstat(String path) throws ErrnoException {
        return calls.stat(dirfd(path), rest(path), Fcntl.AT_SYMLINK_NOFOLLOW);
    }

    private static String fields(Attributes file, String fields) {
        List<String> values = new ArrayList<>();
        for (String field : fields.split(",")) {
            values.add(switch (field) {
                case "mode" -> String.format("%04o", file.mode() & 07777);
                case "type" -> type(file.mode());
                case "uid" -> Integer.toString(file.uid());
                case "gid" -> Integer.toString(file.gid());
                case "links" -> Integer.toString(file.links());
                case "size" -> Long.toString(file.sizeBytes());
                case "rdev" -> DeviceNumbers.major(file.rawDevice()) + ":" + DeviceNumbers.minor(file.rawDevice());
                case "atime" -> Long.toString(file.accessNs());
                case "mtime" -> Long.toString(file.modifyNs());
                case "block" -> Boolean.toString(file.blockBytes() >= 512);
                case "sparse" -> Boolean.toString(file.blocks() * 512 < file.sizeBytes());
                default -> throw new IllegalArgumentException("unknown field " + field);
            });
        }
        return String.join(",", values);
    }

    private static String type(int mode) {
        return switch (mode & Stat.S_IFMT) {
            case Stat.S_IFREG -> "file";
            case Stat.S_IFDIR -> "dir";
            case Stat.S_IFLNK -> "link";
            case Stat.S_IFIFO -> "fifo";
            case Stat.S_IFSOCK -> "sock";
            case Stat.S_IFCHR -> "chr";
            case Stat.S_IFBLK -> "blk";
            default -> Integer.toOctalString(mode);
        };
    }

    /** Sets access and modification times to long ago and lets the clock go on, so that every update shows. */
    private void stamp(List<String> paths) throws ErrnoException {
        for (String path : paths) {
            calls.setTimes(dirfd(path), rest(path), LONG_AGO, LONG_AGO, rest(path).isEmpty() ? 0 : Fcntl.AT_SYMLINK_NOFOLLOW);
        }
        long until = System.nanoTime() + TICK_NS;
        for (long left = TICK_NS; left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
        for (String path : paths) {
            stamps.put(path, lstat(path));
        }
    }

    private static String changed(Attributes before, Attributes after) {
        String moved = (before.accessNs() != after.accessNs() ? "a" : "") + (before.modifyNs() != after.modifyNs() ? "m" : "")
                + (before.changeNs() != after.changeNs() ? "c" : "");
        return moved.isEmpty() ? "-" : moved;
    }
}
