package dev.caisson.fs.proc;

import dev.caisson.abi.IpcPermissions;
import dev.caisson.abi.MessageQueueStatus;
import dev.caisson.abi.SemaphoreStatus;
import dev.caisson.abi.SharedMemoryStatus;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.kernel.ipc.MessageQueue;
import dev.caisson.kernel.ipc.SemaphoreSet;
import dev.caisson.kernel.ipc.SharedSegment;
import dev.caisson.vfs.pseudo.PseudoDirectory;

/** /proc/sysvipc: a line per System V object of the reader's namespace. The columns are those of Linux. */
final class ProcSysvIpc {
    private final Kernel kernel;

    ProcSysvIpc(Kernel kernel) {
        this.kernel = kernel;
    }

    void addTo(PseudoDirectory directory) {
        directory.file("msg", this::queues);
        directory.file("sem", this::semaphores);
        directory.file("shm", this::segments);
    }

    /** The namespace of who reads, or of process 1. */
    static IpcNamespace namespace(Kernel kernel) {
        Task task = Callers.currentOrNull();
        return (task != null ? task : kernel.rootPids().process(1).leader()).namespaces().ipc();
    }

    private String queues() {
        StringBuilder text = new StringBuilder(256).append("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
                + "      stime      rtime      ctime\n");
        for (MessageQueue queue : namespace(kernel).messageQueues().table().all()) {
            MessageQueueStatus status = queue.status();
            IpcPermissions owner = status.permissions();
            text.append(String.format("%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d %10d\n", owner.key(), queue.id(),
                    owner.mode(), status.bytes(), status.count(), status.senderPid(), status.receiverPid(), owner.uid(), owner.gid(),
                    owner.cuid(), owner.cgid(), status.sendSeconds(), status.receiveSeconds(), status.changeSeconds()));
        }
        return text.toString();
    }

    private String semaphores() {
        StringBuilder text = new StringBuilder(256)
                .append("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
        for (SemaphoreSet set : namespace(kernel).semaphores().table().all()) {
            SemaphoreStatus status = set.status();
            IpcPermissions owner = status.permissions();
            text.append(String.format("%10d %10d  %4o %10d %5d %5d %5d %5d %10d %10d\n", owner.key(), set.id(), owner.mode(),
                    status.count(), owner.uid(), owner.gid(), owner.cuid(), owner.cgid(), status.operationSeconds(),
                    status.changeSeconds()));
        }
        return text.toString();
    }

    private String segments() {
        StringBuilder text = new StringBuilder(256).append("       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
                + "  cuid  cgid      atime      dtime      ctime                   rss                  swap\n");
        for (SharedSegment segment : namespace(kernel).sharedMemory().table().all()) {
            SharedMemoryStatus status = segment.status();
            IpcPermissions owner = status.permissions();
            text.append(String.format("%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d %10d %21d %21d\n", owner.key(),
                    segment.id(), owner.mode(), status.sizeBytes(), status.creatorPid(), status.lastPid(), status.attachCount(),
                    owner.uid(), owner.gid(), owner.cuid(), owner.cgid(), status.attachSeconds(), status.detachSeconds(),
                    status.changeSeconds(), segment.residentPages() << 12, 0));
        }
        return text.toString();
    }
}
