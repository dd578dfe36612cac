package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTDIR;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;
import dev.caisson.ninep.WireWriter;

/** Twalk and Twalkgetattr. Concurrency: none of the files walked over change. */
final class WalkRequests {
    private final Session session;

    WalkRequests(Session session) {
        this.session = session;
    }

    private record Request(int from, int to, String[] names) {
        static Request read(Workspace work) throws ErrnoException {
            WireReader in = work.in;
            int from = in.u32();
            int to = in.u32();
            int count = in.u16();
            if (count > Protocol.MOST_NAMES) {
                throw EINVAL.error("too many names");
            }
            String[] names = new String[count];
            for (int i = 0; i < count; i++) {
                names[i] = in.string();
            }
            work.endOfRequest();
            return new Request(from, to, names);
        }
    }

    /** Takes the steps of a walk, whose file's status lies in the workspace. */
    private interface Step {
        void done();
    }

    void walk(Workspace work) throws ErrnoException {
        Request request = Request.read(work);
        boolean isSame = request.from == request.to;
        if (!isSame) {
            session.fids().checkFree(request.to);
        }
        try (Fid from = session.use(request.from)) {
            if (isSame && from.isOpen()) {
                throw EBADF.error("an open fid cannot become another file");
            }
            WireWriter out = work.reply();
            int countAt = out.position();
            out.u16(0);
            if (request.names.length == 0) {
                if (!isSame) {
                    session.fids().put(request.to, new Fid(from.export(), from.identity(), from.handle().share()));
                }
                return;
            }
            int[] steps = {0};
            Handle end;
            try {
                end = follow(work, from, request.names, true, () -> {
                    steps[0]++;
                    work.qid(from.export()).write(out);
                });
            } catch (ErrnoException e) {
                if (steps[0] == 0) {
                    throw e;
                }
                out.patch16(countAt, steps[0]);
                return;
            }
            out.patch16(countAt, steps[0]);
            bind(request, isSame, new Fid(from.export(), from.identity(), end));
        }
    }

    private void bind(Request request, boolean isSame, Fid fid) throws ErrnoException {
        if (isSame) {
            session.fids().replace(request.from, fid);
        } else {
            session.fids().put(request.to, fid);
        }
    }

    void walkWithAttributes(Workspace work) throws ErrnoException {
        Request request = Request.read(work);
        boolean isBound = request.to != Protocol.NO_FID;
        if (isBound) {
            session.fids().checkFree(request.to);
        }
        try (Fid from = session.use(request.from)) {
            WireWriter out = work.reply();
            int errnoAt = out.position();
            out.u32(0);
            int countAt = out.position();
            out.u16(0);
            if (request.names.length == 0) {
                Beneath.status(work, from.handle().fd());
                work.attributes(from.export()).write(out);
                out.patch16(countAt, 1);
                if (isBound) {
                    session.fids().put(request.to, new Fid(from.export(), from.identity(), from.handle().share()));
                }
                return;
            }
            if (!from.handle().isDirectory()) {
                throw ENOTDIR.error("a walk from a file");
            }
            int[] steps = {0};
            Handle end = null;
            try {
                end = follow(work, from, request.names, isBound, () -> {
                    steps[0]++;
                    work.attributes(from.export()).write(out);
                });
            } catch (ErrnoException e) {
                out.patch32(errnoAt, e.errno().number());
            }
            out.patch16(countAt, steps[0]);
            if (end != null) {
                session.fids().put(request.to, new Fid(from.export(), from.identity(), end));
            }
        }
    }

    /**
     * Walks.
     *
     * @param isKept whether the file at the end is wanted; its attributes alone cost one call less
     * @return the file at the end; null when it is not wanted
     */
    private Handle follow(Workspace work, Fid from, String[] names, boolean isKept, Step step) throws ErrnoException {
        Handle start = from.handle();
        int place = start.fd();
        try {
            for (int i = 0; i < names.length; i++) {
                boolean isLast = i == names.length - 1;
                if (isLast && !isKept && Names.isEntry(names[i])) {
                    Beneath.status(work, place, names[i]);
                    step.done();
                    return null;
                }
                int next = step(work, from.export(), place, names[i]);
                if (place != start.fd()) {
                    HostFile.close(place);
                }
                place = next;
                Beneath.status(work, place);
                step.done();
            }
            if (!isKept) {
                return null;
            }
            int end = place;
            place = start.fd();
            return Handle.of(session.environment().handles(), end, work.mode());
        } finally {
            if (place != start.fd()) {
                HostFile.close(place);
            }
        }
    }

    private static int step(Workspace work, Export export, int directory, String name) throws ErrnoException {
        return switch (name) {
            case "." -> Beneath.directory(directory, name);
            case ".." -> Beneath.parent(work, export, directory);
            default -> Beneath.entry(directory, Names.checkEntry(name));
        };
    }
}
