package dev.caisson.kernel.unix;

import dev.caisson.abi.UserCredentials;
import dev.caisson.vfs.FileDescription;
import java.util.List;

/** Bytes on their way, with what goes along. Guarded by the lock of the socket in whose queue it is. */
final class UnixPacket {
    /** What a buffer costs beyond its bytes, roughly as on Linux. */
    private static final int OVERHEAD_BYTES = 512;

    final byte[] data;
    final UnixSocket sender;
    final byte[] senderAddress;
    final UserCredentials credentials;
    /** Null when there are none or they were taken. */
    List<FileDescription> files;
    /** Bytes of {@link #data} already read. */
    int start;

    UnixPacket(byte[] data, UnixSocket sender, UserCredentials credentials, List<FileDescription> files) {
        this.data = data;
        this.sender = sender;
        this.senderAddress = sender.localAddress();
        this.credentials = credentials;
        this.files = files;
    }

    int left() {
        return data.length - start;
    }

    int charge() {
        return charge(data.length);
    }

    static int charge(int lengthBytes) {
        return lengthBytes + OVERHEAD_BYTES;
    }
}
