package dev.caisson.oci.cgroup;

import dev.caisson.oci.spec.OciResources;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What is written where for {@code linux.resources}. Guests' memory and tasks are limited by the sandbox' kernel, exactly and so that the guest
 * notices; the host's limits have room for the sandbox itself on top, and are what stops a sandbox that its own kernel does not stop.
 *
 * @param controller of the file
 * @param file its name in the group
 * @param text what is written
 * @param field the property, for messages
 */
record HostLimits(String controller, String file, String text, String field) {
    /** The Java runtime with its heap at the largest that bin/caisson allows, its code, and the stacks of its threads. */
    static final long OVERHEAD_BYTES = 1280L << 20;
    /** Threads of the Java runtime, and how many each task of the guest takes: its own, the stub's, the platform's helper; a process has one more. */
    static final long OVERHEAD_TASKS = 512, HOST_TASKS = 4;
    private static final long DEFAULT_PERIOD_US = 100_000;

    static List<HostLimits> of(OciResources resources, boolean isUnified) throws GroupException {
        List<HostLimits> limits = new ArrayList<>();
        if (isUnified) {
            unified(resources, limits);
        } else {
            first(resources, limits);
        }
        return limits;
    }

    private static void add(List<HostLimits> limits, String controller, String file, Object value, String field) {
        if (value != null && !value.equals("")) {
            limits.add(new HostLimits(controller, file, value.toString(), field));
        }
    }

    private static Long positive(Long value) {
        return value == null || value == 0 ? null : value;
    }

    private static Long withOverhead(Long bytes) {
        return bytes == null || bytes == 0 ? null : bytes < 0 ? Long.valueOf(-1) : Long.valueOf(sum(bytes, OVERHEAD_BYTES));
    }

    private static long sum(long one, long other) {
        return one > Long.MAX_VALUE - other ? Long.MAX_VALUE : one + other;
    }

    private static String unlimited(Long value) {
        return value == null ? null : value < 0 ? "max" : value.toString();
    }

    private static String tasks(Long limit) {
        return limit == null || limit == 0 ? null : limit < 0 || limit > Integer.MAX_VALUE ? "max" : Long.toString(limit * HOST_TASKS + OVERHEAD_TASKS);
    }

    private static void first(OciResources resources, List<HostLimits> limits) throws GroupException {
        OciResources.Memory memory = resources.memory();
        add(limits, "memory", "memory.limit_in_bytes", withOverhead(memory.limit()), "memory.limit");
        add(limits, "memory", "memory.memsw.limit_in_bytes", withOverhead(memory.swap()), "memory.swap");
        add(limits, "memory", "memory.soft_limit_in_bytes", withOverhead(memory.reservation()), "memory.reservation");
        add(limits, "memory", "memory.kmem.tcp.limit_in_bytes", positive(memory.kernelTCP()), "memory.kernelTCP");
        add(limits, "memory", "memory.swappiness", memory.swappiness(), "memory.swappiness");
        OciResources.Cpu cpu = resources.cpu();
        add(limits, "cpuset", "cpuset.cpus", cpu.cpus(), "cpu.cpus");
        add(limits, "cpuset", "cpuset.mems", cpu.mems(), "cpu.mems");
        add(limits, "cpu", "cpu.shares", positive(cpu.shares()), "cpu.shares");
        add(limits, "cpu", "cpu.cfs_period_us", positive(cpu.period()), "cpu.period");
        add(limits, "cpu", "cpu.cfs_quota_us", positive(cpu.quota()), "cpu.quota");
        add(limits, "cpu", "cpu.cfs_burst_us", positive(cpu.burst()), "cpu.burst");
        add(limits, "cpu", "cpu.rt_period_us", positive(cpu.realtimePeriod()), "cpu.realtimePeriod");
        add(limits, "cpu", "cpu.rt_runtime_us", positive(cpu.realtimeRuntime()), "cpu.realtimeRuntime");
        add(limits, "cpu", "cpu.idle", cpu.idle(), "cpu.idle");
        add(limits, "pids", "pids.max", tasks(resources.pidsLimit()), "pids.limit");
        OciResources.BlockIo io = resources.blockIO();
        add(limits, "blkio", "blkio.weight", io.weight() == null || io.weight() == 0 ? null : io.weight(), "blockIO.weight");
        add(limits, "blkio", "blkio.leaf_weight", io.leafWeight() == null || io.leafWeight() == 0 ? null : io.leafWeight(), "blockIO.leafWeight");
        devices(limits, "blkio.weight_device", io.weightDevice(), "blockIO.weightDevice");
        devices(limits, "blkio.throttle.read_bps_device", io.throttleReadBpsDevice(), "blockIO.throttleReadBpsDevice");
        devices(limits, "blkio.throttle.write_bps_device", io.throttleWriteBpsDevice(), "blockIO.throttleWriteBpsDevice");
        devices(limits, "blkio.throttle.read_iops_device", io.throttleReadIOPSDevice(), "blockIO.throttleReadIOPSDevice");
        devices(limits, "blkio.throttle.write_iops_device", io.throttleWriteIOPSDevice(), "blockIO.throttleWriteIOPSDevice");
        for (Map.Entry<String, Long> each : resources.hugepageLimits().entrySet()) {
            add(limits, "hugetlb", "hugetlb." + each.getKey() + ".limit_in_bytes", Long.toUnsignedString(each.getValue()), "hugepageLimits");
        }
        add(limits, "net_cls", "net_cls.classid", positive(resources.network().classID()), "network.classID");
        resources.network().priorities().forEach((name, priority) ->
                add(limits, "net_prio", "net_prio.ifpriomap", name + " " + priority, "network.priorities"));
        rdma(resources, limits);
        if (!resources.unified().isEmpty()) {
            throw new GroupException("unified: this host has cgroup v1, and the file " + resources.unified().keySet().iterator().next()
                    + " is of cgroup v2");
        }
    }

    private static void devices(List<HostLimits> limits, String file, List<OciResources.DeviceValue> values, String field) {
        for (OciResources.DeviceValue each : values) {
            add(limits, "blkio", file, each.major() + ":" + each.minor() + " " + each.value(), field);
        }
    }

    private static void rdma(OciResources resources, List<HostLimits> limits) {
        resources.rdma().forEach((device, limit) -> add(limits, "rdma", "rdma.max", device
                + (limit.hcaHandles() == null ? "" : " hca_handle=" + limit.hcaHandles())
                + (limit.hcaObjects() == null ? "" : " hca_object=" + limit.hcaObjects()), "rdma"));
    }

    private static void unified(OciResources resources, List<HostLimits> limits) throws GroupException {
        OciResources.Memory memory = resources.memory();
        OciResources.Cpu cpu = resources.cpu();
        refuse(memory.swappiness(), "memory.swappiness");
        refuse(positive(cpu.realtimeRuntime()), "cpu.realtimeRuntime");
        refuse(positive(cpu.realtimePeriod()), "cpu.realtimePeriod");
        refuse(positive(resources.network().classID()), "network.classID");
        refuse(resources.network().priorities().isEmpty() ? null : "", "network.priorities");
        add(limits, "memory", "memory.max", unlimited(withOverhead(memory.limit())), "memory.limit");
        add(limits, "memory", "memory.swap.max", swap(memory), "memory.swap");
        add(limits, "memory", "memory.low", unlimited(withOverhead(memory.reservation())), "memory.reservation");
        add(limits, "cpuset", "cpuset.cpus", cpu.cpus(), "cpu.cpus");
        add(limits, "cpuset", "cpuset.mems", cpu.mems(), "cpu.mems");
        add(limits, "cpu", "cpu.weight", positive(cpu.shares()) == null ? null : weight(cpu.shares()), "cpu.shares");
        if (positive(cpu.quota()) != null || positive(cpu.period()) != null) {
            long period = positive(cpu.period()) == null ? DEFAULT_PERIOD_US : cpu.period();
            add(limits, "cpu", "cpu.max", (positive(cpu.quota()) == null || cpu.quota() < 0 ? "max" : cpu.quota()) + " " + period, "cpu.quota");
        }
        add(limits, "cpu", "cpu.max.burst", positive(cpu.burst()), "cpu.burst");
        add(limits, "cpu", "cpu.idle", cpu.idle(), "cpu.idle");
        add(limits, "pids", "pids.max", tasks(resources.pidsLimit()), "pids.limit");
        OciResources.BlockIo io = resources.blockIO();
        add(limits, "io", "io.weight", io.weight() == null || io.weight() == 0 ? null : "default " + ioWeight(io.weight()), "blockIO.weight");
        refuse(io.leafWeight() == null || io.leafWeight() == 0 ? null : io.leafWeight(), "blockIO.leafWeight");
        for (OciResources.DeviceValue each : io.weightDevice()) {
            add(limits, "io", "io.weight", each.major() + ":" + each.minor() + " " + ioWeight(each.value()), "blockIO.weightDevice");
        }
        rate(limits, "rbps", io.throttleReadBpsDevice(), "blockIO.throttleReadBpsDevice");
        rate(limits, "wbps", io.throttleWriteBpsDevice(), "blockIO.throttleWriteBpsDevice");
        rate(limits, "riops", io.throttleReadIOPSDevice(), "blockIO.throttleReadIOPSDevice");
        rate(limits, "wiops", io.throttleWriteIOPSDevice(), "blockIO.throttleWriteIOPSDevice");
        for (Map.Entry<String, Long> each : resources.hugepageLimits().entrySet()) {
            add(limits, "hugetlb", "hugetlb." + each.getKey() + ".max", Long.toUnsignedString(each.getValue()), "hugepageLimits");
        }
        rdma(resources, limits);
        resources.unified().forEach((file, text) -> add(limits, file.substring(0, file.indexOf('.')), file, text, "unified"));
    }

    private static void refuse(Object value, String field) throws GroupException {
        if (value != null) {
            throw new GroupException(field + ": this host has cgroup v2, which knows no such limit; leave it out");
        }
    }

    /** Version 1 counts memory and swap together, version 2 swap alone. */
    private static String swap(OciResources.Memory memory) {
        if (memory.swap() == null || memory.swap() == 0) {
            return null;
        }
        return memory.swap() < 0 ? "max" : Long.toString(Math.max(0, memory.swap() - Math.max(0, memory.limit() == null ? 0 : memory.limit())));
    }

    /** As runc: 2 to 262144 become 1 to 10000. */
    static long weight(long shares) {
        return 1 + (Math.clamp(shares, 2, 262_144) - 2) * 9999 / 262_142;
    }

    /** As runc: 10 to 1000 become 1 to 10000. */
    private static long ioWeight(long weight) {
        return 1 + (Math.clamp(weight, 10, 1000) - 10) * 9999 / 990;
    }

    private static void rate(List<HostLimits> limits, String key, List<OciResources.DeviceValue> values, String field) {
        for (OciResources.DeviceValue each : values) {
            add(limits, "io", "io.max", each.major() + ":" + each.minor() + " " + key + "=" + (each.value() == 0 ? "max" : each.value()), field);
        }
    }

    Path in(Path group) {
        return group.resolve(file);
    }
}
