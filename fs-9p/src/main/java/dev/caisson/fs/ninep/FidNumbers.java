package dev.caisson.fs.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.ninep.Protocol;
import java.util.BitSet;

/** Which fids of a connection are taken. */
final class FidNumbers {
    private static final int MOST = 1 << 16;

    private final BitSet taken = new BitSet();
    private int next;

    /**
     * Takes a number.
     *
     * @return a fid that is not in use
     * @throws ErrnoException ENFILE when there are too many
     */
    synchronized int take() throws ErrnoException {
        int number = taken.nextClearBit(next);
        if (number >= MOST) {
            number = taken.nextClearBit(0);
            if (number >= MOST) {
                throw Errno.ENFILE.error("no fid is left");
            }
        }
        taken.set(number);
        next = number + 1;
        return number;
    }

    /** The server does not know the fid any more. NO_FID is ignored. */
    synchronized void free(int number) {
        if (number != Protocol.NO_FID) {
            taken.clear(number);
        }
    }

    /** {@return how many are taken} */
    synchronized int count() {
        return taken.cardinality();
    }
}
