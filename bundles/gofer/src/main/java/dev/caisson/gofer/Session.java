package dev.caisson.gofer;

import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPROTO;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;

/**
 * What a connection agreed on with Tversion, its fids, and the answers to its requests, except for those that are about other requests
 * (Tversion, Tflush: see {@link Connection}). Requests may be answered by several threads at once.
 */
final class Session {
    private final Environment environment;
    private final int peer;
    private final boolean canDonate;
    private final FidTable fids;
    private final XattrValue.Budget xattrs;
    private final WalkRequests walks;
    private final FileRequests files;
    private final EntryRequests entries;
    private final AttributeRequests attributes;
    /** Written by Tversion, while no other request is worked on. */
    private volatile int messageBytes;
    private volatile boolean isExtended;

    /**
     * Makes the session of a new connection.
     *
     * @param environment the gofer's
     * @param peer user id of the peer, or {@link AttachPolicy#trusted}
     * @param canDonate whether descriptors can go along with replies
     */
    Session(Environment environment, int peer, boolean canDonate) {
        this.environment = environment;
        this.peer = peer;
        this.canDonate = canDonate;
        this.fids = new FidTable(environment);
        this.xattrs = new XattrValue.Budget(environment.limits().xattrBytes());
        this.walks = new WalkRequests(this);
        this.files = new FileRequests(this);
        this.entries = new EntryRequests(this);
        this.attributes = new AttributeRequests(this);
    }

    Environment environment() {
        return environment;
    }

    FidTable fids() {
        return fids;
    }

    XattrValue.Budget xattrs() {
        return xattrs;
    }

    boolean canDonate() {
        return canDonate && isExtended;
    }

    /** {@return the largest message, 0 before Tversion} */
    int messageBytes() {
        return messageBytes;
    }

    /**
     * Starts over: Tversion was received and nothing else is worked on.
     *
     * @param size largest message from now on; 0 when no version was agreed on
     * @param extended whether the extension is spoken
     */
    void restart(int size, boolean extended) {
        fids.clear();
        messageBytes = size;
        isExtended = extended;
    }

    /** {@return the fid of a request, as whose identity the thread then works; to be closed} */
    Fid use(int number) throws ErrnoException {
        Fid fid = fids.use(number);
        Identity.assume(fid.identity());
        return fid;
    }

    /**
     * Answers a request: leaves the reply in the workspace.
     *
     * @param work holds the request
     */
    void answer(Workspace work) {
        try {
            MessageType type = work.type();
            if (type == null || !type.isRequest() || type == MessageType.TLERROR || type.isExtension() && !isExtended) {
                throw EOPNOTSUPP.error("no such request");
            }
            if (messageBytes == 0) {
                throw EPROTO.error("a request before Tversion");
            }
            dispatch(type, work);
        } catch (ErrnoException e) {
            work.fail(e.errno().number());
        } catch (OutOfMemoryError e) {
            work.fail(Errno.ENOMEM.number());
        }
    }

    private void dispatch(MessageType type, Workspace work) throws ErrnoException {
        switch (type) {
            case TATTACH -> attach(work);
            case TAUTH -> throw ENOENT.error("no authentication is needed"); // what diod says, and its clients understand
            case TWALK -> walks.walk(work);
            case TWALKGETATTR -> walks.walkWithAttributes(work);
            case TCLUNK -> clunk(work);
            case TLOPEN -> files.open(work);
            case TLCREATE -> files.create(work);
            case TOPENAT -> files.openAt(work);
            case TREAD -> files.read(work);
            case TWRITE -> files.write(work);
            case TREADDIR -> files.readDirectory(work);
            case TREADDIRATTR -> files.readDirectoryWithAttributes(work);
            case TFSYNC -> files.sync(work);
            case TLOCK -> files.lock(work);
            case TGETLOCK -> files.askLock(work);
            case TMKDIR -> entries.makeDirectory(work);
            case TMKNOD -> entries.makeNode(work);
            case TMAKEAT -> entries.makeAt(work);
            case TSYMLINK -> entries.makeLink(work);
            case TLINK -> entries.link(work);
            case TRENAME -> entries.rename(work);
            case TRENAMEAT -> entries.renameAt(work, false);
            case TRENAMEAT2 -> entries.renameAt(work, true);
            case TUNLINKAT -> entries.unlinkAt(work);
            case TREMOVE -> entries.remove(work);
            case TGETATTR -> attributes.get(work);
            case TSETATTR -> attributes.set(work);
            case TSETATTRAT -> attributes.setAt(work);
            case TSTATFS -> attributes.fileSystem(work);
            case TREADLINK -> attributes.readLink(work);
            case TXATTRWALK -> attributes.walkXattr(work);
            case TXATTRCREATE -> attributes.createXattr(work);
            default -> throw EOPNOTSUPP.error("no such request");
        }
    }

    private void attach(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        int authentication = in.u32();
        String user = in.string();
        String name = in.string();
        int userNumber = in.u32();
        work.endOfRequest();
        if (authentication != Protocol.NO_FID) {
            throw EOPNOTSUPP.error("no authentication is needed");
        }
        fids.checkFree(number);
        Identity identity = environment.policy().judge(peer, user, userNumber);
        Export export = environment.export(name);
        if (export == null) {
            throw ENOENT.error("no such export");
        }
        Identity.assume(identity);
        Handle root = Beneath.handle(environment, work, Beneath.directory(export.root(), "."));
        fids.put(number, new Fid(export, identity, root));
        work.qid(export).write(work.reply());
    }

    private void clunk(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        work.endOfRequest();
        try (Fid fid = fids.remove(number)) {
            Identity.assume(fid.identity());
            files.endLocks(work, fid);
            attributes.setXattr(work, fid);
        }
        work.reply();
    }

    /** The connection is gone. */
    void close() {
        fids.clear();
    }
}
