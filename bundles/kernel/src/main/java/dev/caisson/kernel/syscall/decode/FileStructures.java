package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.bracketed;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.FileLock;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mount;
import dev.caisson.abi.OpenHow;
import dev.caisson.abi.Stat;
import dev.caisson.abi.StatLayout;
import dev.caisson.abi.StatfsValue;
import dev.caisson.abi.StatxLayout;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;
import java.util.StringJoiner;

/** What calls about files take and give. */
public final class FileStructures {
    private static final int STATFS_BYTES = 120;
    private static final int LEAST_ENTRY_BYTES = 19;
    private static final int MOST_ENTRIES = 4096;
    private static final FlagNames TYPE = FlagNames.oneOf(Stat.class, "S_IF").without("S_IFMT");
    private static final FlagNames STATX_MASK = FlagNames.mask(Stat.class, "STATX_").without("STATX_ATTR_");
    private static final FlagNames MAGIC = FlagNames.oneOf(Mount.class, "").endingIn("_MAGIC");
    private static final FlagNames MOUNT_STATE = FlagNames.mask(StatfsValue.class, "ST_");

    private FileStructures() {}

    /** Mode of access(2). */
    public static Argument access(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            // Most rights first, as strace(1) has them.
            int mode = (int) value;
            if (mode == 0 || (mode & ~(Fcntl.R_OK | Fcntl.W_OK | Fcntl.X_OK)) != 0) {
                call.out().append(mode == 0 ? "F_OK" : "0x" + Integer.toHexString(mode));
                return;
            }
            StringJoiner names = new StringJoiner("|");
            if ((mode & Fcntl.R_OK) != 0) {
                names.add("R_OK");
            }
            if ((mode & Fcntl.W_OK) != 0) {
                names.add("W_OK");
            }
            if ((mode & Fcntl.X_OK) != 0) {
                names.add("X_OK");
            }
            call.out().append(names);
        });
    }

    /** Mode of open(2), which counts only when the call may create a file. */
    public static Argument creationMode(String name, int flagsIndex) {
        return new Argument(name, Kind.NAMED, FileStructures::octal)
                .unless(values -> (values[flagsIndex] & Fcntl.O_CREAT) == 0
                        && (values[flagsIndex] & Fcntl.O_TMPFILE) != Fcntl.O_TMPFILE);
    }

    /** Type and permissions for mknod(2). */
    public static Argument nodeMode(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> mode(call.out(), (int) value & 0xffff));
    }

    /** Device number of mknod(2). */
    public static Argument device(String name, int modeIndex) {
        return new Argument(name, Kind.NUMBER, (call, value) -> device(call.out(), (int) value)).unless(values -> {
            int type = (int) values[modeIndex] & Stat.S_IFMT;
            return type != Stat.S_IFCHR && type != Stat.S_IFBLK;
        });
    }

    /** The mask of umask(2), whose result is one as well. */
    public static Argument permissionMask(String name) {
        return new Argument(name, Kind.NAMED, FileStructures::octal).answering(call -> octal(call, call.result()));
    }

    /** Permission bits: {@code 0644}. */
    public static void octal(TracedCall call, long value) {
        octal(call.out(), value & 0xffff);
    }

    /** As C writes it, at least three digits. */
    static void octal(StringBuilder out, long value) {
        String digits = Long.toOctalString(value);
        out.append("000", 0, Math.max(0, 3 - digits.length())).append(digits.length() >= 3 ? "0" : "").append(digits);
    }

    /** {@code S_IFREG|0644}. */
    static void mode(StringBuilder out, int mode) {
        String type = TYPE.name(mode & Stat.S_IFMT);
        if (type != null) {
            out.append(type).append('|');
        } else if ((mode & Stat.S_IFMT) != 0) {
            out.append('0').append(Integer.toOctalString(mode & Stat.S_IFMT)).append('|');
        }
        special(out, mode, Stat.S_ISUID, "S_ISUID|");
        special(out, mode, Stat.S_ISGID, "S_ISGID|");
        special(out, mode, Stat.S_ISVTX, "S_ISVTX|");
        octal(out, mode & 0777);
    }

    private static void special(StringBuilder out, int mode, int bit, String name) {
        if ((mode & bit) != 0) {
            out.append(name);
        }
    }

    /** {@code makedev(0x8, 0x1)}, from the number stat(2) gives. */
    static void device(StringBuilder out, long device) {
        long major = device >>> 8 & 0xfff | device >>> 32 & ~0xfffL;
        long minor = device & 0xff | device >>> 12 & ~0xffL & 0xffffffffL;
        deviceOf(out, major, minor);
    }

    private static void deviceOf(StringBuilder out, long major, long minor) {
        out.append("makedev(").append(major == 0 ? "0" : "0x" + Long.toHexString(major)).append(", ")
                .append(minor == 0 ? "0" : "0x" + Long.toHexString(minor)).append(')');
    }

    /** {@code struct stat}. */
    public static Argument stat(String name) {
        return Structures.out(name, StatLayout.BYTES, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            int mode = fields.i32(24);
            mode(fields.name("st_mode"), mode);
            int type = mode & Stat.S_IFMT;
            if (type == Stat.S_IFCHR || type == Stat.S_IFBLK) {
                device(fields.name("st_rdev"), fields.u64(40));
            } else {
                fields.number("st_size", fields.u64(48));
            }
            fields.more();
        });
    }

    /** {@code struct statx}. */
    public static Argument statx(String name) {
        return Structures.out(name, StatxLayout.BYTES, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            int mode = fields.u16(28);
            STATX_MASK.format(fields.name("stx_mask"), fields.i32(0));
            fields.hex("stx_attributes", fields.u64(8));
            mode(fields.name("stx_mode"), mode);
            int type = mode & Stat.S_IFMT;
            if (type == Stat.S_IFCHR || type == Stat.S_IFBLK) {
                deviceOf(fields.name("stx_rdev"), fields.i32(128), fields.i32(132));
            } else {
                fields.number("stx_size", fields.u64(40));
            }
            fields.more();
        });
    }

    /** Mask of statx(2). */
    public static Argument statxMask(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> STATX_MASK.format(call.out(), (int) value));
    }

    /** {@code struct statfs}. */
    public static Argument statfs(String name) {
        return Structures.out(name, STATFS_BYTES, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            String magic = MAGIC.name((int) fields.u64(0));
            if (magic != null) {
                fields.text("f_type", magic);
            } else {
                fields.hex("f_type", fields.u64(0));
            }
            fields.number("f_bsize", fields.u64(8)).unsigned("f_blocks", fields.u64(16)).unsigned("f_bfree", fields.u64(24))
                    .unsigned("f_bavail", fields.u64(32)).unsigned("f_files", fields.u64(40)).unsigned("f_ffree", fields.u64(48));
            fields.name("f_fsid").append("{val=[0x").append(Integer.toHexString(fields.i32(56))).append(", 0x")
                    .append(Integer.toHexString(fields.i32(60))).append("]}");
            fields.number("f_namelen", fields.u64(64)).number("f_frsize", fields.u64(72)).flags("f_flags", MOUNT_STATE, fields.u64(80))
                    .end();
        });
    }

    /** {@code struct ustat}. */
    public static Argument ustat(String name) {
        return Structures.out(name, 32, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.number("f_tfree", fields.i32(0)).unsigned("f_tinode", fields.u64(8)).end();
        });
    }

    /** {@code struct open_how}. */
    public static Argument openHow(String name) {
        return Structures.in(name, OpenHow.BYTES, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            long flags = fields.u64(0);
            fields.flags("flags", Flags.OPEN, flags);
            if (fields.u64(8) != 0 || (flags & Fcntl.O_CREAT) != 0) {
                fields.name("mode").append('0').append(Long.toOctalString(fields.u64(8)));
            }
            fields.flags("resolve", Flags.RESOLVE, fields.u64(16)).end();
        });
    }

    /** {@code struct flock}; with the owner after a call that asked for it. */
    static Format lock(boolean owner) {
        return format(FileLock.CODEC.sizeBytes(), (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            int type = fields.u16(0);
            fields.text("l_type", switch (type) {
                case Fcntl.F_RDLCK -> "F_RDLCK";
                case Fcntl.F_WRLCK -> "F_WRLCK";
                case Fcntl.F_UNLCK -> "F_UNLCK";
                default -> Integer.toString(type);
            }).flags("l_whence", Flags.SEEK, (short) fields.u16(2))
                    .number("l_start", fields.u64(8)).number("l_len", fields.u64(16));
            if (owner) {
                fields.number("l_pid", fields.i32(24));
            }
            fields.end();
        });
    }

    /** Directory entries, of which the number is told; {@code d_reclen} stands at the same place in both layouts. */
    public static Argument entries(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> {
            call.address(value);
            long end = call.result();
            long at = 0;
            int count = 0;
            while (at + LEAST_ENTRY_BYTES <= end && count < MOST_ENTRIES) {
                MemorySegment length = call.fetch(value + at + 16, 2);
                int bytes = length == null ? 0 : Short.toUnsignedInt(length.get(Layouts.U16, 0));
                if (bytes < LEAST_ENTRY_BYTES) {
                    break;
                }
                count++;
                at += bytes;
            }
            call.out().append(" /* ").append(count).append(count == 1 ? " entry */" : " entries */");
        });
    }

    /** An offset that the call reads and advances: {@code [0] => [4096]}. */
    public static Argument position(String name) {
        Format value = format(8, bracketed(Structures::int64));
        return Argument.inOut(name, value, (call, address) -> {
            String before = call.before();
            call.out().append(before);
            if (call.hasSucceeded() && address != 0) {
                call.out().append(" => ");
                value.write(call, address);
            }
        });
    }

    /** {@code struct file_handle} the guest gives. */
    public static Argument handle(String name) {
        return new Argument(name, Kind.INPUT, FileStructures::handle);
    }

    /** {@code struct file_handle} the guest gets; a call that failed may have set its size. */
    public static Argument handleOut(String name) {
        return Argument.inOut(name, FileStructures::handleSize, (call, value) -> {
            if (call.hasSucceeded()) {
                handle(call, value);
            } else {
                call.out().append(call.before());
            }
        });
    }

    private static void handleSize(TracedCall call, long value) {
        MemorySegment head = call.fetch(value, 8);
        if (head == null) {
            call.address(value);
        } else {
            call.out().append("{handle_bytes=").append(Integer.toUnsignedString(head.get(Layouts.U32, 0))).append('}');
        }
    }

    private static void handle(TracedCall call, long value) {
        MemorySegment head = call.fetch(value, 8);
        if (head == null) {
            call.address(value);
            return;
        }
        Fields fields = new Fields(call.out(), head, 0);
        fields.unsigned("handle_bytes", Integer.toUnsignedLong(fields.i32(0)));
        fields.hex("handle_type", Integer.toUnsignedLong(fields.i32(4)));
        fields.name("f_handle");
        Quoted.hexBytes(call, value + 8, Integer.toUnsignedLong(fields.i32(0)));
        fields.end();
    }

    /** Extended attributes that a call gives; a size of 0 only asks for theirs. */
    public static Argument attribute(String name, int sizeIndex) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> {
            if (call.argument(sizeIndex) == 0) {
                call.address(value);
            } else {
                Quoted.bytes(call, value, call.result());
            }
        });
    }
}
