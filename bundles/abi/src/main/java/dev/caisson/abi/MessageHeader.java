package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct msghdr} (user_msghdr): 56 bytes. {@code struct mmsghdr} is one of these with a 4-byte count behind, 64 bytes in all.
 * <pre>
 *  off size field
 *    0    8 msg_name        address of a sockaddr
 *    8    4 msg_namelen
 *   16    8 msg_iov         address of iovecs
 *   24    8 msg_iovlen
 *   32    8 msg_control     address of control messages
 *   40    8 msg_controllen
 *   48    4 msg_flags
 * </pre>
 * Source: include/linux/socket.h.
 *
 * @param name guest address of the socket address, or 0
 * @param nameLength its length or room
 * @param iov guest address of the iovecs
 * @param iovCount how many
 * @param control guest address of control messages, or 0
 * @param controlLength their length or room
 * @param flags {@code MSG_*}
 */
public record MessageHeader(long name, int nameLength, long iov, long iovCount, long control, long controlLength, int flags) {
    /** sizeof msghdr. */
    public static final int BYTES = 56;
    /** sizeof mmsghdr. */
    public static final int MULTIPLE_BYTES = 64;
    /** offsetof msg_namelen. */
    public static final int NAME_LENGTH = 8;
    /** offsetof msg_controllen. */
    public static final int CONTROL_LENGTH = 40;
    /** offsetof msg_flags. */
    public static final int FLAGS = 48;
    /** offsetof msg_len in mmsghdr. */
    public static final int MULTIPLE_LENGTH = 56;
    private static final int NAME = 0, IOV = 16, IOV_COUNT = 24, CONTROL = 32;

    /** Reads and writes it. */
    public static final StructCodec<MessageHeader> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new MessageHeader(seg.get(U64, at + NAME), seg.get(U32, at + NAME_LENGTH), seg.get(U64, at + IOV),
                    seg.get(U64, at + IOV_COUNT), seg.get(U64, at + CONTROL), seg.get(U64, at + CONTROL_LENGTH), seg.get(U32, at + FLAGS)),
            (seg, at, m) -> {
                seg.set(U64, at + NAME, m.name);
                seg.set(U32, at + NAME_LENGTH, m.nameLength);
                seg.set(U64, at + IOV, m.iov);
                seg.set(U64, at + IOV_COUNT, m.iovCount);
                seg.set(U64, at + CONTROL, m.control);
                seg.set(U64, at + CONTROL_LENGTH, m.controlLength);
                seg.set(U32, at + FLAGS, m.flags);
            });
}
