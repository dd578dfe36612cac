package dev.caisson.oci.spec;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import java.util.List;

/** Writes the config.json that {@code spec} gives people to start with: a shell in a terminal, as runc's. */
public final class OciDefaults {
    private static final List<String> CAPABILITIES = List.of("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE");

    private OciDefaults() {}

    /**
     * The configuration.
     *
     * @param isRootless whether for a user without privileges, who has one id of their own and no control groups
     * @param uid the caller's user on the host, for rootless
     * @param gid the caller's group on the host, for rootless
     * @return JSON, indented, with a line end
     */
    public static String config(boolean isRootless, int uid, int gid) {
        JsonObject top = new JsonObject();
        top.put("ociVersion", OciConfig.VERSION);
        top.put("process", process());
        top.put("root", object("path", "rootfs", "readonly", true));
        top.put("hostname", "caisson");
        top.put("mounts", mounts(isRootless));
        top.put("linux", linux(isRootless, uid, gid));
        return JsonWriter.indent("\t").string().value(top).done() + "\n";
    }

    private static JsonObject process() {
        JsonObject sets = new JsonObject();
        for (String set : List.of("bounding", "effective", "permitted")) {
            sets.put(set, new JsonArray(CAPABILITIES));
        }
        return object("terminal", true, "user", object("uid", 0, "gid", 0), "args", array("sh"),
                "env", array("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"), "cwd", "/",
                "capabilities", sets, "rlimits", array(object("type", "RLIMIT_NOFILE", "hard", 1024, "soft", 1024)),
                "noNewPrivileges", true);
    }

    private static JsonArray mounts(boolean isRootless) {
        JsonArray mounts = new JsonArray();
        mounts.add(mount("/proc", "proc", "proc"));
        mounts.add(mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"));
        if (isRootless) {
            mounts.add(mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"));
        } else {
            mounts.add(mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"));
        }
        mounts.add(mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
        mounts.add(mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"));
        mounts.add(mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"));
        mounts.add(mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"));
        return mounts;
    }

    private static JsonObject mount(String destination, String type, String source, String... options) {
        JsonObject mount = object("destination", destination, "type", type, "source", source);
        if (options.length > 0) {
            mount.put("options", array((Object[]) options));
        }
        return mount;
    }

    private static JsonObject linux(boolean isRootless, int uid, int gid) {
        JsonArray namespaces = new JsonArray();
        for (String type : List.of("pid", "network", "ipc", "uts", "mount", "cgroup")) {
            if (!isRootless || !type.equals("network")) {
                namespaces.add(object("type", type));
            }
        }
        JsonObject linux = new JsonObject();
        if (isRootless) {
            namespaces.add(object("type", "user"));
            linux.put("uidMappings", array(object("containerID", 0, "hostID", uid, "size", 1)));
            linux.put("gidMappings", array(object("containerID", 0, "hostID", gid, "size", 1)));
        } else {
            linux.put("resources", object("devices", array(object("allow", false, "access", "rwm"))));
        }
        linux.put("namespaces", namespaces);
        linux.put("maskedPaths", array("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"));
        linux.put("readonlyPaths", array("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"));
        return linux;
    }

    static JsonObject object(Object... pairs) {
        JsonObject object = new JsonObject();
        for (int i = 0; i < pairs.length; i += 2) {
            object.put((String) pairs[i], pairs[i + 1]);
        }
        return object;
    }

    static JsonArray array(Object... values) {
        return new JsonArray(List.of(values));
    }
}
