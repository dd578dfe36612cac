package dev.caisson.oci.spec;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Limits of a container, {@code linux.resources}. A null is something that nothing is said about; sizes are bytes, and -1 is no limit.
 *
 * @param memory memory
 * @param cpu processors
 * @param pidsLimit most processes, or null
 * @param blockIO block devices
 * @param hugepageLimits bytes by page size, such as "2MB"
 * @param network classes and priorities
 * @param devices which device nodes may be used, in order
 * @param rdma limits of RDMA devices by their names
 * @param unified files of cgroup v2 and what is written to them
 */
public record OciResources(Memory memory, Cpu cpu, Long pidsLimit, BlockIo blockIO, Map<String, Long> hugepageLimits, Network network,
        List<DeviceRule> devices, Map<String, Rdma> rdma, Map<String, String> unified) {
    private static final long MOST = Long.MAX_VALUE;

    /**
     * Memory.
     *
     * @param limit most memory
     * @param reservation soft limit
     * @param swap most memory and swap together
     * @param kernel most memory of the kernel (without effect in cgroup v2)
     * @param kernelTCP most memory of TCP buffers (without effect in cgroup v2)
     * @param swappiness 0 to 100
     * @param disableOOMKiller whether who lacks memory waits instead of being killed
     * @param useHierarchy whether children count (cgroup v1)
     * @param checkBeforeUpdate whether a limit below what is used is refused
     */
    public record Memory(Long limit, Long reservation, Long swap, Long kernel, Long kernelTCP, Integer swappiness, Boolean disableOOMKiller,
            Boolean useHierarchy, Boolean checkBeforeUpdate) {
        static final Memory NONE = new Memory(null, null, null, null, null, null, null, null, null);
    }

    /**
     * Processors. Times are in microseconds.
     *
     * @param shares relative share, 2 to 262144
     * @param quota time in each period, -1 for all
     * @param burst time that may be saved up
     * @param period length of a period
     * @param realtimeRuntime time for real-time tasks in each period
     * @param realtimePeriod its period
     * @param cpus which processors, as "0-2,7"; empty for all
     * @param mems which memory nodes; empty for all
     * @param idle 1 for SCHED_IDLE
     */
    public record Cpu(Long shares, Long quota, Long burst, Long period, Long realtimeRuntime, Long realtimePeriod, String cpus, String mems,
            Integer idle) {
        static final Cpu NONE = new Cpu(null, null, null, null, null, null, "", "", null);
    }

    /**
     * Block devices.
     *
     * @param weight 10 to 1000, or null
     * @param leafWeight 10 to 1000, or null
     * @param weightDevice weights by device
     * @param throttleReadBpsDevice bytes a second by device
     * @param throttleWriteBpsDevice bytes a second by device
     * @param throttleReadIOPSDevice operations a second by device
     * @param throttleWriteIOPSDevice operations a second by device
     */
    public record BlockIo(Integer weight, Integer leafWeight, List<DeviceValue> weightDevice, List<DeviceValue> throttleReadBpsDevice,
            List<DeviceValue> throttleWriteBpsDevice, List<DeviceValue> throttleReadIOPSDevice, List<DeviceValue> throttleWriteIOPSDevice) {
        static final BlockIo NONE = new BlockIo(null, null, List.of(), List.of(), List.of(), List.of(), List.of());
    }

    /**
     * A number for a block device.
     *
     * @param major device number
     * @param minor device number
     * @param value weight or rate
     */
    public record DeviceValue(long major, long minor, long value) {}

    /**
     * Marks of packets.
     *
     * @param classID of net_cls, or null
     * @param priorities of net_prio by interface
     */
    public record Network(Long classID, Map<String, Long> priorities) {
        static final Network NONE = new Network(null, Map.of());
    }

    /**
     * A rule of the device controller.
     *
     * @param allow whether it allows
     * @param type {@code a}, {@code b} or {@code c}
     * @param major device number, or null for all
     * @param minor device number, or null for all
     * @param access letters of {@code rwm}
     */
    public record DeviceRule(boolean allow, char type, Long major, Long minor, String access) {}

    /**
     * Limits of an RDMA device.
     *
     * @param hcaHandles most handles, or null
     * @param hcaObjects most objects, or null
     */
    public record Rdma(Long hcaHandles, Long hcaObjects) {}

    /** No limits. */
    public static final OciResources NONE = new OciResources(Memory.NONE, Cpu.NONE, null, BlockIo.NONE, Map.of(), Network.NONE, List.of(),
            Map.of(), Map.of());

    /** Copies what could change. */
    public OciResources {
        hugepageLimits = Map.copyOf(hugepageLimits);
        devices = List.copyOf(devices);
        rdma = Map.copyOf(rdma);
        unified = Map.copyOf(unified);
    }

    /**
     * Checks limits on their own, as {@code update --resources} takes them.
     *
     * @param json the resources object
     * @return the limits
     * @throws OciConfigException when they cannot be used; paths begin at the resources
     */
    public static OciResources parse(String json) throws OciConfigException {
        return of(SpecNode.document(json.getBytes(StandardCharsets.UTF_8)));
    }

    static OciResources of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return NONE;
        }
        SpecNode pids = node.object("pids");
        Map<String, Long> huge = new LinkedHashMap<>();
        for (SpecNode each : node.list("hugepageLimits")) {
            String size = each.requireText("pageSize");
            if (!size.matches("[1-9][0-9]*[KMG]B")) {
                throw each.error("pageSize", "is no size such as 2MB: " + size);
            }
            huge.put(size, each.unsigned("limit"));
        }
        List<DeviceRule> rules = new ArrayList<>();
        for (SpecNode each : node.list("devices")) {
            rules.add(rule(each));
        }
        Map<String, Rdma> rdma = new LinkedHashMap<>();
        for (Map.Entry<String, SpecNode> each : node.map("rdma").entrySet()) {
            rdma.put(each.getKey(), new Rdma(each.getValue().number("hcaHandles", 0, MOST), each.getValue().number("hcaObjects", 0, MOST)));
        }
        Map<String, String> unified = node.texts("unified");
        for (String file : unified.keySet()) {
            if (!file.matches("[a-z0-9_]+(\\.[A-Za-z0-9_]+)+")) {
                throw node.error("unified", "no file of cgroup v2 has the name " + file);
            }
        }
        return new OciResources(memory(node.object("memory")), cpu(node.object("cpu")),
                pids == null ? null : Long.valueOf(pids.require("limit").number(-1, MOST)), blockIo(node.object("blockIO")), huge,
                network(node.object("network")), rules, rdma, unified);
    }

    private static Memory memory(SpecNode node) throws OciConfigException {
        if (node == null) {
            return Memory.NONE;
        }
        Memory memory = new Memory(node.number("limit", -1, MOST), node.number("reservation", -1, MOST), node.number("swap", -1, MOST),
                node.number("kernel", -1, MOST), node.number("kernelTCP", -1, MOST), node.integer("swappiness", 0, 100),
                node.flagOrNull("disableOOMKiller"), node.flagOrNull("useHierarchy"), node.flagOrNull("checkBeforeUpdate"));
        if (memory.limit != null && memory.limit > 0 && memory.swap != null && memory.swap > 0 && memory.swap < memory.limit) {
            throw node.error("swap", "is memory and swap together, so at least the limit of " + memory.limit);
        }
        return memory;
    }

    private static Cpu cpu(SpecNode node) throws OciConfigException {
        if (node == null) {
            return Cpu.NONE;
        }
        for (String member : List.of("cpus", "mems")) {
            String list = node.text(member, "");
            if (!list.matches("([0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*)?")) {
                throw node.error(member, "is no list such as 0-2,7: " + list);
            }
        }
        return new Cpu(node.number("shares", 0, MOST), node.number("quota", -1, MOST), node.number("burst", 0, MOST),
                node.number("period", 0, MOST), node.number("realtimeRuntime", -1, MOST), node.number("realtimePeriod", 0, MOST),
                node.text("cpus", ""), node.text("mems", ""), node.integer("idle", 0, 1));
    }

    private static BlockIo blockIo(SpecNode node) throws OciConfigException {
        if (node == null) {
            return BlockIo.NONE;
        }
        return new BlockIo(node.integer("weight", 0, 1000), node.integer("leafWeight", 0, 1000), values(node, "weightDevice", "weight"),
                values(node, "throttleReadBpsDevice", "rate"), values(node, "throttleWriteBpsDevice", "rate"),
                values(node, "throttleReadIOPSDevice", "rate"), values(node, "throttleWriteIOPSDevice", "rate"));
    }

    private static List<DeviceValue> values(SpecNode node, String list, String member) throws OciConfigException {
        List<DeviceValue> values = new ArrayList<>();
        for (SpecNode each : node.list(list)) {
            Long value = each.number(member, 0, MOST);
            values.add(new DeviceValue(each.require("major").number(0, MOST), each.require("minor").number(0, MOST),
                    value == null ? 0 : value));
        }
        return List.copyOf(values);
    }

    private static Network network(SpecNode node) throws OciConfigException {
        if (node == null) {
            return Network.NONE;
        }
        Map<String, Long> priorities = new LinkedHashMap<>();
        for (SpecNode each : node.list("priorities")) {
            priorities.put(each.requireText("name"), each.require("priority").number(0, 0xffffffffL));
        }
        return new Network(node.number("classID", 0, 0xffffffffL), Map.copyOf(priorities));
    }

    private static DeviceRule rule(SpecNode node) throws OciConfigException {
        Boolean allow = node.flagOrNull("allow");
        if (allow == null) {
            throw node.error("allow", "is required");
        }
        String type = node.text("type", "a");
        if (!type.matches("[abc]")) {
            throw node.error("type", "unknown type " + type);
        }
        String access = node.text("access", "rwm");
        if (!access.matches("[rwm]*")) {
            throw node.error("access", "consists of r, w and m, not " + access);
        }
        return new DeviceRule(allow, type.charAt(0), all(node.number("major", -1, MOST)), all(node.number("minor", -1, MOST)), access);
    }

    private static Long all(Long number) {
        return number != null && number < 0 ? null : number;
    }
}
