package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.input;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.output;
import static dev.caisson.kernel.syscall.Arguments.pairOut;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.Sockets;
import dev.caisson.syscalls.net.SysReceive;
import dev.caisson.syscalls.net.SysSend;
import dev.caisson.syscalls.net.SysSocket;
import dev.caisson.syscalls.net.SysSocketOption;

/** Rows of the socket calls. */
final class NetworkSyscalls {
    private static final String SENDING = "MSG_ZEROCOPY and MSG_FASTOPEN are EOPNOTSUPP, and MSG_OOB on UNIX streams";
    private static final String RECEIVING = "MSG_OOB is for TCP only";

    private NetworkSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(41, "socket", SysSocket::socket, flags("domain", Flags.FAMILY), flags("type", Flags.SOCKET),
                        Sockets.protocol("protocol"))
                .full(42, "connect", SysSocket::connect, fd("sockfd"), Sockets.address("addr", 2), number("addrlen"))
                .full(43, "accept", SysSocket::accept, fd("sockfd"), Sockets.addressOut("addr", 2), Sockets.lengthInOut("addrlen"))
                .partial(44, "sendto", SysSend::sendto, SENDING, fd("sockfd"), input("buf", 2), size("len"),
                        flags("flags", Flags.MESSAGE), Sockets.address("dest_addr", 5), number("addrlen"))
                .partial(45, "recvfrom", SysReceive::recvfrom, RECEIVING, fd("sockfd"), output("buf"), size("len"),
                        flags("flags", Flags.MESSAGE), Sockets.addressOut("src_addr", 5), Sockets.lengthInOut("addrlen"))
                .partial(46, "sendmsg", SysSend::sendmsg, SENDING, fd("sockfd"), Sockets.message("msg"), flags("flags", Flags.MESSAGE))
                .partial(47, "recvmsg", SysReceive::recvmsg, RECEIVING, fd("sockfd"), Sockets.messageOut("msg"),
                        flags("flags", Flags.MESSAGE))
                .full(48, "shutdown", SysSocket::shutdown, fd("sockfd"), flags("how", Flags.SHUTDOWN))
                .full(49, "bind", SysSocket::bind, fd("sockfd"), Sockets.address("addr", 2), number("addrlen"))
                .full(50, "listen", SysSocket::listen, fd("sockfd"), number("backlog"))
                .full(51, "getsockname", SysSocket::getsockname, fd("sockfd"), Sockets.addressOut("addr", 2), Sockets.lengthInOut("addrlen"))
                .full(52, "getpeername", SysSocket::getpeername, fd("sockfd"), Sockets.addressOut("addr", 2), Sockets.lengthInOut("addrlen"))
                .full(53, "socketpair", SysSocket::socketpair, flags("domain", Flags.FAMILY), flags("type", Flags.SOCKET),
                        number("protocol"), pairOut("sv"))
                .partial(54, "setsockopt", SysSocketOption::setsockopt, "no socket filters (EOPNOTSUPP), no binding to interfaces (EPERM)",
                        fd("sockfd"), flags("level", Flags.SOCKET_LEVEL), Sockets.option("optname"), Sockets.optionValue("optval"),
                        number("optlen"))
                .full(55, "getsockopt", SysSocketOption::getsockopt, fd("sockfd"), flags("level", Flags.SOCKET_LEVEL),
                        Sockets.option("optname"), Sockets.optionValueOut("optval"), Sockets.lengthInOut("optlen"))
                .full(288, "accept4", SysSocket::accept4, fd("sockfd"), Sockets.addressOut("addr", 2), Sockets.lengthInOut("addrlen"), flags("flags", Flags.SOCKET))
                .partial(299, "recvmmsg", SysReceive::recvmmsg, RECEIVING, fd("sockfd"), Sockets.messagesOut("msgvec"),
                        number("vlen"), flags("flags", Flags.MESSAGE), timespec("timeout"))
                .partial(307, "sendmmsg", SysSend::sendmmsg, SENDING, fd("sockfd"), Sockets.messages("msgvec", 2), number("vlen"),
                        flags("flags", Flags.MESSAGE));
    }
}
