package dev.caisson.oci.spec;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What only Linux has, config-linux.md.
 *
 * @param namespaces new or joined ones; those that are missing are the runtime's
 * @param uidMappings of a new user namespace
 * @param gidMappings of a new user namespace
 * @param devices device nodes besides the default ones
 * @param cgroupsPath where the container's control group is, or null
 * @param resources limits
 * @param rootfsPropagation {@code MS_*} of the root mount, or 0 for that of the runtime
 * @param seccomp filter of system calls, or null
 * @param sysctl kernel parameters by name
 * @param maskedPaths what cannot be read
 * @param readonlyPaths what cannot be written
 * @param personality of the process, {@code PER_*}
 * @param timeOffsets offsets of clocks in nanoseconds, by clock ("monotonic", "boottime")
 */
public record OciLinux(List<OciNamespace> namespaces, List<IdMapping> uidMappings, List<IdMapping> gidMappings, List<OciDevice> devices,
        String cgroupsPath, OciResources resources, long rootfsPropagation, OciSeccomp seccomp, Map<String, String> sysctl,
        List<String> maskedPaths, List<String> readonlyPaths, int personality, Map<String, Long> timeOffsets) {
    /** {@code PER_LINUX32}. */
    private static final int PERSONALITY_LINUX32 = 8;
    private static final long NANOS = 1_000_000_000L;
    /** Properties that change what runs, and cannot be honoured. */
    private static final List<String> REFUSED = List.of("intelRdt", "netDevices", "memoryPolicy");

    /** Nothing said. */
    static final OciLinux NONE = new OciLinux(List.of(), List.of(), List.of(), List.of(), null, OciResources.NONE, 0, null, Map.of(),
            List.of(), List.of(), 0, Map.of());

    /** Copies what could change. */
    public OciLinux {
        namespaces = List.copyOf(namespaces);
        uidMappings = List.copyOf(uidMappings);
        gidMappings = List.copyOf(gidMappings);
        devices = List.copyOf(devices);
        sysctl = Map.copyOf(sysctl);
        maskedPaths = List.copyOf(maskedPaths);
        readonlyPaths = List.copyOf(readonlyPaths);
        timeOffsets = Map.copyOf(timeOffsets);
    }

    /**
     * A namespace of a kind.
     *
     * @param type the kind
     * @return the namespace, or null when the runtime's is kept
     */
    public OciNamespace namespace(OciNamespace.Type type) {
        for (OciNamespace each : namespaces) {
            if (each.type() == type) {
                return each;
            }
        }
        return null;
    }

    static OciLinux of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return NONE;
        }
        for (String refused : REFUSED) {
            if (node.get(refused) != null) {
                throw node.error(refused, "is not supported");
            }
        }
        List<OciNamespace> namespaces = namespaces(node);
        List<IdMapping> uids = IdMapping.list(node, "uidMappings");
        List<IdMapping> gids = IdMapping.list(node, "gidMappings");
        boolean hasUsers = namespaces.stream().anyMatch(each -> each.type() == OciNamespace.Type.USER);
        if (!hasUsers && !(uids.isEmpty() && gids.isEmpty())) {
            throw node.error(uids.isEmpty() ? "gidMappings" : "uidMappings", "needs an entry of type user in linux.namespaces");
        }
        List<OciDevice> devices = new ArrayList<>();
        for (SpecNode each : node.list("devices")) {
            devices.add(OciDevice.of(each));
        }
        String label = node.text("mountLabel", "");
        if (!label.isEmpty()) {
            node.get("mountLabel").warn("the sandbox' kernel has no SELinux; " + label + " labels nothing in it");
        }
        Map<String, String> sysctl = node.texts("sysctl");
        for (String name : sysctl.keySet()) {
            if (!name.matches("[A-Za-z0-9_.\\-/]+") || name.contains("..") || name.startsWith("/") || name.startsWith(".")) {
                throw node.error("sysctl", "no kernel parameter has the name " + name);
            }
            OciSysctl.check(node, name, namespaces);
        }
        String cgroups = node.text("cgroupsPath", "");
        return new OciLinux(namespaces, uids, gids, devices, cgroups.isEmpty() ? null : cgroups,
                OciResources.of(node.object("resources")), propagation(node), OciSeccomp.of(node.object("seccomp")), sysctl,
                node.absolutePaths("maskedPaths"), node.absolutePaths("readonlyPaths"), personality(node.object("personality")),
                timeOffsets(node, namespaces));
    }

    private static List<OciNamespace> namespaces(SpecNode node) throws OciConfigException {
        List<OciNamespace> namespaces = new ArrayList<>();
        Set<OciNamespace.Type> types = EnumSet.noneOf(OciNamespace.Type.class);
        for (SpecNode each : node.list("namespaces")) {
            OciNamespace namespace = OciNamespace.of(each);
            if (!types.add(namespace.type())) {
                throw each.error("type", namespace.type().text() + " is there twice");
            }
            namespaces.add(namespace);
        }
        return namespaces;
    }

    private static long propagation(SpecNode node) throws OciConfigException {
        String name = node.text("rootfsPropagation", "");
        Long flags = name.isEmpty() ? Long.valueOf(0) : MountOptions.propagation(name);
        if (flags == null) {
            throw node.error("rootfsPropagation", "unknown type " + name);
        }
        return flags;
    }

    private static int personality(SpecNode node) throws OciConfigException {
        if (node == null) {
            return 0;
        }
        String domain = node.requireText("domain");
        if (!node.list("flags").isEmpty()) {
            throw node.error("flags", "are not supported");
        }
        return switch (domain) {
            case "LINUX" -> 0;
            case "LINUX32" -> PERSONALITY_LINUX32;
            default -> throw node.error("domain", "unknown domain " + domain);
        };
    }

    private static Map<String, Long> timeOffsets(SpecNode node, List<OciNamespace> namespaces) throws OciConfigException {
        Map<String, Long> offsets = new java.util.LinkedHashMap<>();
        for (Map.Entry<String, SpecNode> each : node.map("timeOffsets").entrySet()) {
            SpecNode offset = each.getValue();
            if (!each.getKey().equals("monotonic") && !each.getKey().equals("boottime")) {
                throw offset.error("unknown clock " + each.getKey());
            }
            Long seconds = offset.number("secs", -Long.MAX_VALUE / NANOS, Long.MAX_VALUE / NANOS - 1);
            Long nanos = offset.number("nanosecs", 0, NANOS - 1);
            long total = (seconds == null ? 0 : seconds) * NANOS + (nanos == null ? 0 : nanos);
            offsets.put(each.getKey(), total);
        }
        if (!offsets.isEmpty() && namespaces.stream().noneMatch(each -> each.type() == OciNamespace.Type.TIME)) {
            throw node.error("timeOffsets", "needs an entry of type time in linux.namespaces");
        }
        return offsets;
    }
}
