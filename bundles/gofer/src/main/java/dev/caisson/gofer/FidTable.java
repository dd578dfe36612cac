package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EMFILE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.ninep.Protocol;
import java.util.concurrent.ConcurrentHashMap;

/** The fids of a connection. */
final class FidTable {
    private final Environment environment;
    private final ConcurrentHashMap<Integer, Fid> byNumber = new ConcurrentHashMap<>();

    FidTable(Environment environment) {
        this.environment = environment;
    }

    /**
     * Finds a fid.
     *
     * @param number its number
     * @return the fid, to be closed when the request ends
     * @throws ErrnoException EBADF
     */
    Fid use(int number) throws ErrnoException {
        Fid fid = byNumber.get(number);
        if (fid == null || !fid.use()) {
            throw EBADF.error("no such fid");
        }
        return fid;
    }

    boolean has(int number) {
        return byNumber.containsKey(number);
    }

    /** Fails for a number that no new fid may have: a request that is going to bind it asks before it does anything. */
    void checkFree(int number) throws ErrnoException {
        if (number == Protocol.NO_FID || has(number)) {
            throw EBADF.error("a new fid with the number of an old one");
        }
    }

    /**
     * Binds a number.
     *
     * @param number the number
     * @param fid the fid; closed when this fails
     * @throws ErrnoException EBADF if it is bound, EMFILE for too many
     */
    void put(int number, Fid fid) throws ErrnoException {
        if (byNumber.size() >= environment.limits().fidsEach() || !environment.takeFid()) {
            fid.close();
            throw EMFILE.error("fids");
        }
        if (number == Protocol.NO_FID || byNumber.putIfAbsent(number, fid) != null) {
            environment.returnFid();
            fid.close();
            throw EBADF.error("a new fid with the number of an old one");
        }
    }

    /**
     * Unbinds a number.
     *
     * @param number the number
     * @return the fid, which the caller closes
     * @throws ErrnoException EBADF
     */
    Fid remove(int number) throws ErrnoException {
        Fid fid = byNumber.remove(number);
        if (fid == null) {
            throw EBADF.error("no such fid");
        }
        environment.returnFid();
        return fid;
    }

    /**
     * Binds a number that is bound to something else.
     *
     * @param number the number
     * @param fid the fid; closed when this fails
     * @throws ErrnoException EBADF if it is not bound
     */
    void replace(int number, Fid fid) throws ErrnoException {
        Fid old = byNumber.replace(number, fid);
        if (old == null) {
            fid.close();
            throw EBADF.error("no such fid");
        }
        old.close();
    }

    /** Unbinds all. */
    void clear() {
        for (Integer number : byNumber.keySet()) {
            Fid fid = byNumber.remove(number);
            if (fid != null) {
                environment.returnFid();
                fid.close();
            }
        }
    }

    int size() {
        return byNumber.size();
    }
}
