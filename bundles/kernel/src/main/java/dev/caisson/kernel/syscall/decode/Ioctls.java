package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.bracketed;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Terminal;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** ioctl(2): requests by name, and their arguments. */
public final class Ioctls {
    private static final int TERMIOS_BYTES = 36;
    /** Names of requests: terminals, files, sockets, block devices. */
    private static final FlagNames[] IOCTLS = {FlagNames.oneOf(Terminal.class, "TC").without("TCP", "TCSA", "TCSAN", "TCIF", "TCIO", "TCOF",
            "TCOO"), FlagNames.oneOf(Terminal.class, "TIOC").without("TIOCM_", "TIOCPKT_", "TIOCINQ"), FlagNames.oneOf(Terminal.class, "FIO"),
            FlagNames.oneOf(Terminal.class, "SIOC"), FlagNames.oneOf(Terminal.class, "BLK"), FlagNames.oneOf(Terminal.class, "TCSETA")};
    private static final Format INT = format(4, bracketed(Structures::int32));

    private Ioctls() {}

    /** The request of ioctl(2). */
    public static Argument ioctl(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            long request = value & 0xffffffffL;
            String known = ioctlName(request);
            StringBuilder out = call.out();
            if (known != null) {
                out.append(known);
                return;
            }
            String direction = switch ((int) (request >> 30)) {
                case 0 -> "_IOC_NONE";
                case 1 -> "_IOC_WRITE";
                case 2 -> "_IOC_READ";
                default -> "_IOC_READ|_IOC_WRITE";
            };
            out.append("_IOC(").append(direction).append(", 0x").append(Long.toHexString(request >> 8 & 0xff)).append(", 0x")
                    .append(Long.toHexString(request & 0xff)).append(", 0x").append(Long.toHexString(request >> 16 & 0x3fff)).append(')');
        });
    }

    private static String ioctlName(long request) {
        for (FlagNames names : IOCTLS) {
            // Constants of type int are signed when their direction is both.
            String name = names.name(request) != null ? names.name(request) : names.name((int) request);
            if (name != null) {
                return name;
            }
        }
        return null;
    }

    /** The argument of ioctl(2). */
    public static Argument ioctlArgument(String name) {
        return Argument.inOut(name, (call, value) -> ioctlArgument(call, value, false), (call, value) -> {
            if (isAnswered(call.argument(1))) {
                if (call.hasSucceeded()) {
                    ioctlArgument(call, value, true);
                } else {
                    call.address(value);
                }
            } else {
                call.out().append(call.before());
            }
        }).unless(values -> hasNoArgument(values[1]));
    }

    private static boolean hasNoArgument(long request) {
        return switch ((int) request) {
            case Terminal.FIOCLEX, Terminal.FIONCLEX, Terminal.TIOCEXCL, Terminal.TIOCNXCL, Terminal.TIOCNOTTY, Terminal.TIOCSBRK,
                    Terminal.TIOCCBRK, Terminal.TIOCCONS, Terminal.TIOCVHANGUP -> true;
            default -> false;
        };
    }

    private static boolean isAnswered(long request) {
        return switch ((int) request) {
            case Terminal.TCGETS, Terminal.TIOCGWINSZ, Terminal.TIOCGPGRP, Terminal.TIOCGSID, Terminal.FIONREAD, Terminal.TIOCOUTQ,
                    Terminal.TIOCGETD, Terminal.TIOCMGET, Terminal.FIOGETOWN, Terminal.SIOCATMARK, (int) Terminal.TIOCGPTN,
                    (int) Terminal.TIOCGPTLCK, (int) Terminal.TCGETS2 -> true;
            default -> false;
        };
    }

    private static void ioctlArgument(TracedCall call, long value, boolean answered) {
        switch ((int) call.argument(1)) {
            case Terminal.TCGETS, Terminal.TCSETS, Terminal.TCSETSW, Terminal.TCSETSF, (int) Terminal.TCGETS2, Terminal.TCSETS2,
                    Terminal.TCSETSW2, Terminal.TCSETSF2 -> format(TERMIOS_BYTES, Ioctls::termios).write(call, value);
            case Terminal.TIOCGWINSZ, Terminal.TIOCSWINSZ -> format(8, (c, bytes, at) -> {
                Fields fields = new Fields(c.out(), bytes, at);
                fields.number("ws_row", fields.u16(0)).number("ws_col", fields.u16(2)).number("ws_xpixel", fields.u16(4))
                        .number("ws_ypixel", fields.u16(6)).end();
            }).write(call, value);
            case Terminal.TIOCGPGRP, Terminal.TIOCSPGRP, Terminal.TIOCGSID, Terminal.FIONREAD, Terminal.TIOCOUTQ, Terminal.FIONBIO,
                    Terminal.FIOASYNC, Terminal.TIOCGETD, Terminal.TIOCSETD, Terminal.TIOCMGET, Terminal.TIOCMSET, Terminal.TIOCMBIS,
                    Terminal.TIOCMBIC, Terminal.TIOCPKT, Terminal.FIOGETOWN, Terminal.FIOSETOWN, Terminal.SIOCATMARK,
                    (int) Terminal.TIOCGPTN, (int) Terminal.TIOCGPTLCK, Terminal.TIOCSPTLCK -> INT.write(call, value);
            case Terminal.TCFLSH -> call.out().append(switch ((int) value) {
                case Terminal.TCIFLUSH -> "TCIFLUSH";
                case Terminal.TCOFLUSH -> "TCOFLUSH";
                case Terminal.TCIOFLUSH -> "TCIOFLUSH";
                default -> Integer.toString((int) value);
            });
            case Terminal.TCSBRK, Terminal.TCSBRKP, Terminal.TCXONC, Terminal.TIOCSCTTY -> call.out().append((int) value);
            case Terminal.TIOCGPTPEER -> Flags.OPEN.format(call.out(), (int) value);
            default -> {
                if (value == 0) {
                    call.out().append('0');
                } else {
                    call.hex(value);
                }
            }
        }
    }

    private static void termios(TracedCall call, MemorySegment bytes, long at) {
        Fields fields = new Fields(call.out(), bytes, at);
        int control = fields.i32(8);
        int local = fields.i32(12);
        StringBuilder out = call.out();
        out.append((control & 0x100f) == Terminal.B38400 ? "B38400" : "0x" + Integer.toHexString(control & 0x100f)).append(' ');
        out.append((fields.i32(4) & Terminal.OPOST) != 0 ? "" : "-").append("opost ");
        out.append((local & Terminal.ISIG) != 0 ? "" : "-").append("isig ");
        out.append((local & Terminal.ICANON) != 0 ? "" : "-").append("icanon ");
        out.append((local & Terminal.ECHO) != 0 ? "" : "-").append("echo ...}");
    }
}
