package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct msqid64_ds} on amd64: 120 bytes.
 * <pre>
 *  off size field
 *    0   48 msg_perm
 *   48    8 msg_stime    last msgsnd(2), seconds
 *   56    8 msg_rtime    last msgrcv(2)
 *   64    8 msg_ctime
 *   72    8 msg_cbytes   bytes in the queue
 *   80    8 msg_qnum     messages in the queue
 *   88    8 msg_qbytes   most bytes in the queue
 *   96    4 msg_lspid    last sender
 *  100    4 msg_lrpid    last receiver
 * </pre>
 * Source: include/uapi/asm-generic/msgbuf.h.
 *
 * @param permissions key, owner, mode
 * @param sendSeconds last msgsnd(2)
 * @param receiveSeconds last msgrcv(2)
 * @param changeSeconds creation or last change
 * @param bytes bytes in the queue
 * @param count messages in the queue
 * @param limitBytes most bytes in the queue
 * @param senderPid last sender
 * @param receiverPid last receiver
 */
public record MessageQueueStatus(IpcPermissions permissions, long sendSeconds, long receiveSeconds, long changeSeconds, long bytes,
        long count, long limitBytes, int senderPid, int receiverPid) {
    /** Reads and writes it. */
    public static final StructCodec<MessageQueueStatus> CODEC = StructCodec.of(120,
            (seg, at) -> new MessageQueueStatus(IpcPermissions.CODEC.read(seg, at), seg.get(U64, at + 48), seg.get(U64, at + 56),
                    seg.get(U64, at + 64), seg.get(U64, at + 72), seg.get(U64, at + 80), seg.get(U64, at + 88), seg.get(U32, at + 96),
                    seg.get(U32, at + 100)),
            (seg, at, s) -> {
                IpcPermissions.CODEC.write(seg, at, s.permissions);
                seg.set(U64, at + 48, s.sendSeconds);
                seg.set(U64, at + 56, s.receiveSeconds);
                seg.set(U64, at + 64, s.changeSeconds);
                seg.set(U64, at + 72, s.bytes);
                seg.set(U64, at + 80, s.count);
                seg.set(U64, at + 88, s.limitBytes);
                seg.set(U32, at + 96, s.senderPid);
                seg.set(U32, at + 100, s.receiverPid);
            });
}
