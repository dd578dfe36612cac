package dev.caisson.spi.net;

import static dev.caisson.abi.Errno.EADDRNOTAVAIL;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOTTY;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;
import static dev.caisson.abi.Layouts.U8;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.spi.fs.IoctlMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The read-only part of netdevice(7): SIOCGIF* on any socket.
 * <pre>
 *  struct ifreq (40 bytes)          struct ifconf (16 bytes)
 *  off size field                   off size field
 *    0   16 ifr_name                  0    4 ifc_len
 *   16   24 union: sockaddr, ints     8    8 ifc_buf
 * </pre>
 * Source: include/uapi/linux/if.h, include/uapi/linux/sockios.h.
 */
final class InterfaceIoctls {
    private static final int SIOCGIFNAME = 0x8910, SIOCGIFCONF = 0x8912, SIOCGIFFLAGS = 0x8913, SIOCSIFFLAGS = 0x8914,
            SIOCGIFADDR = 0x8915, SIOCGIFDSTADDR = 0x8917, SIOCGIFBRDADDR = 0x8919, SIOCGIFNETMASK = 0x891b, SIOCGIFMETRIC = 0x891d,
            SIOCGIFMTU = 0x8921, SIOCSIFHWBROADCAST = 0x8937, SIOCGIFHWADDR = 0x8927, SIOCGIFINDEX = 0x8933, SIOCGIFTXQLEN = 0x8942,
            SIOCETHTOOL = 0x8946, SIOCGIFMAP = 0x8970;
    private static final int IFREQ_BYTES = 40, VALUE = 16, NAME_BYTES = 16;

    private InterfaceIoctls() {}

    static long handle(List<NetworkInterface> interfaces, IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (command == SIOCGIFCONF) {
            return list(interfaces, memory, argument);
        }
        if (command < SIOCGIFNAME || command > SIOCGIFMAP) {
            throw ENOTTY.error();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment request = arena.allocate(IFREQ_BYTES, 8);
            memory.copyIn(argument, request);
            if (command == SIOCGIFNAME) {
                NetworkInterface found = byIndex(interfaces, request.get(U32, VALUE));
                request.asSlice(0, NAME_BYTES).fill((byte) 0);
                writeName(request, found.name());
            } else {
                answer(byName(interfaces, request), command, request);
            }
            memory.copyOut(argument, request);
            return 0;
        }
    }

    private static void answer(NetworkInterface found, int command, MemorySegment request) throws ErrnoException {
        switch (command) {
            case SIOCGIFFLAGS -> request.set(U16, VALUE, (short) found.flags());
            case SIOCGIFINDEX -> request.set(U32, VALUE, found.index());
            case SIOCGIFMTU -> request.set(U32, VALUE, found.mtu());
            case SIOCGIFMETRIC -> request.set(U32, VALUE, 0);
            case SIOCGIFTXQLEN -> request.set(U32, VALUE, 1000);
            case SIOCGIFMAP -> request.asSlice(VALUE).fill((byte) 0);
            case SIOCGIFHWADDR -> {
                request.asSlice(VALUE).fill((byte) 0);
                request.set(U16, VALUE, (short) found.hardwareType());
                MemorySegment.copy(MemorySegment.ofArray(found.hardwareAddress()), 0, request, VALUE + 2, found.hardwareAddress().length);
            }
            case SIOCGIFADDR, SIOCGIFDSTADDR -> writeAddress(request, VALUE, ipv4(found).bytes());
            case SIOCGIFNETMASK -> writeAddress(request, VALUE, mask(ipv4(found).prefixBits()));
            case SIOCGIFBRDADDR -> {
                byte[] address = ipv4(found).bytes().clone();
                byte[] mask = mask(ipv4(found).prefixBits());
                boolean broadcasts = (found.flags() & NetworkInterface.IFF_BROADCAST) != 0;
                for (int i = 0; i < 4; i++) {
                    address[i] = broadcasts ? (byte) (address[i] | ~mask[i]) : 0;
                }
                writeAddress(request, VALUE, address);
            }
            default -> throw command == SIOCETHTOOL || command > SIOCSIFFLAGS && command <= SIOCSIFHWBROADCAST || command == SIOCSIFFLAGS
                    ? EPERM.error("interfaces cannot be changed") : EINVAL.error();
        }
    }

    private static long list(List<NetworkInterface> interfaces, IoctlMemory memory, long argument) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment conf = arena.allocate(16, 8);
            memory.copyIn(argument, conf);
            int room = conf.get(U32, 0);
            long buffer = conf.get(U64, 8);
            int used = 0;
            MemorySegment request = arena.allocate(IFREQ_BYTES, 8);
            for (NetworkInterface each : interfaces) {
                for (NetworkInterface.Address address : each.addresses()) {
                    if (address.bytes().length != 4) {
                        continue;
                    }
                    if (buffer != 0) {
                        if (room - used < IFREQ_BYTES) {
                            break;
                        }
                        request.fill((byte) 0);
                        writeName(request, each.name());
                        writeAddress(request, VALUE, address.bytes());
                        memory.copyOut(buffer + used, request);
                    }
                    used += IFREQ_BYTES;
                }
            }
            conf.set(U32, 0, used);
            memory.copyOut(argument, conf);
            return 0;
        }
    }

    private static NetworkInterface byIndex(List<NetworkInterface> interfaces, int index) throws ErrnoException {
        for (NetworkInterface each : interfaces) {
            if (each.index() == index) {
                return each;
            }
        }
        throw ENODEV.error();
    }

    private static NetworkInterface byName(List<NetworkInterface> interfaces, MemorySegment request) throws ErrnoException {
        byte[] bytes = new byte[NAME_BYTES];
        MemorySegment.copy(request, 0, MemorySegment.ofArray(bytes), 0, NAME_BYTES);
        int length = 0;
        while (length < NAME_BYTES - 1 && bytes[length] != 0) {
            length++;
        }
        String name = new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
        for (NetworkInterface each : interfaces) {
            if (each.name().equals(name)) {
                return each;
            }
        }
        throw ENODEV.error();
    }

    private static NetworkInterface.Address ipv4(NetworkInterface found) throws ErrnoException {
        for (NetworkInterface.Address address : found.addresses()) {
            if (address.bytes().length == 4) {
                return address;
            }
        }
        throw EADDRNOTAVAIL.error();
    }

    private static byte[] mask(int prefixBits) {
        int mask = prefixBits == 0 ? 0 : -1 << 32 - prefixBits;
        return new byte[] {(byte) (mask >> 24), (byte) (mask >> 16), (byte) (mask >> 8), (byte) mask};
    }

    private static void writeName(MemorySegment request, String name) {
        for (int i = 0; i < name.length() && i < NAME_BYTES - 1; i++) {
            request.set(U8, i, (byte) name.charAt(i));
        }
    }

    private static void writeAddress(MemorySegment request, long at, byte[] address) {
        request.asSlice(at, 16).fill((byte) 0);
        request.set(U16, at, (short) Socket.AF_INET);
        MemorySegment.copy(MemorySegment.ofArray(address), 0, request, at + 4, 4);
    }
}
