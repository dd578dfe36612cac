package dev.caisson.oci.spec;

import dev.caisson.oci.spec.OciNamespace.Type;
import java.util.List;
import java.util.Set;

/** Which kernel parameters a container may set: those of a namespace that is not the runtime's, as runc has it. */
final class OciSysctl {
    private static final Set<String> IPC = Set.of("kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
            "kernel/shmmni", "kernel/shm_rmid_forced");

    private OciSysctl() {}

    static void check(SpecNode linux, String name, List<OciNamespace> namespaces) throws OciConfigException {
        // As sysctl(8): the first separator says which one it is.
        boolean hasSlashes = name.indexOf('/') >= 0 && (name.indexOf('.') < 0 || name.indexOf('/') < name.indexOf('.'));
        String path = hasSlashes ? name : name.replace('.', '/');
        if (path.equals("kernel/hostname")) {
            throw linux.error("sysctl", "kernel.hostname is what hostname sets");
        }
        Type type = IPC.contains(path) || path.startsWith("fs/mqueue/") ? Type.IPC
                : path.startsWith("net/") ? Type.NETWORK : path.equals("kernel/domainname") ? Type.UTS : null;
        if (type == null) {
            throw linux.error("sysctl", name + " is the whole kernel's, not that of a namespace");
        }
        if (namespaces.stream().noneMatch(each -> each.type() == type)) {
            throw linux.error("sysctl", name + " needs an entry of type " + type.text() + " in linux.namespaces");
        }
    }
}
