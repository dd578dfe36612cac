package dev.caisson.cli.oci;

import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciResources;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What of {@code linux.resources} the sandbox can keep without control groups of the host: the most memory of its programs. The other
 * limits are refused by their names; zeros and empty lists, which clients send for "no limit", are none.
 */
final class Resources {
    private Resources() {}

    /**
     * Checks limits.
     *
     * @param resources what is wanted
     * @param prefix where they come from, for the message
     * @return bytes for the programs' memory, -1 for no limit, or null when nothing is said
     * @throws ContainerException when there is a limit that cannot be kept; the message names it
     */
    static Long memoryLimit(OciResources resources, String prefix) throws ContainerException {
        OciResources.Memory memory = resources.memory();
        OciResources.Cpu cpu = resources.cpu();
        Map<String, Object> wanted = new LinkedHashMap<>();
        wanted.put("memory.reservation", memory.reservation());
        wanted.put("memory.kernel", memory.kernel());
        wanted.put("memory.kernelTCP", memory.kernelTCP());
        wanted.put("memory.disableOOMKiller", Boolean.TRUE.equals(memory.disableOOMKiller()) ? true : null);
        wanted.put("cpu.shares", cpu.shares());
        wanted.put("cpu.quota", cpu.quota());
        wanted.put("cpu.realtimeRuntime", cpu.realtimeRuntime());
        wanted.put("cpu.cpus", cpu.cpus());
        wanted.put("cpu.mems", cpu.mems());
        wanted.put("cpu.idle", cpu.idle());
        wanted.put("pids.limit", resources.pidsLimit());
        wanted.put("blockIO.weight", resources.blockIO().weight());
        wanted.put("blockIO.leafWeight", resources.blockIO().leafWeight());
        wanted.put("blockIO.weightDevice", resources.blockIO().weightDevice());
        wanted.put("blockIO.throttleReadBpsDevice", resources.blockIO().throttleReadBpsDevice());
        wanted.put("blockIO.throttleWriteBpsDevice", resources.blockIO().throttleWriteBpsDevice());
        wanted.put("blockIO.throttleReadIOPSDevice", resources.blockIO().throttleReadIOPSDevice());
        wanted.put("blockIO.throttleWriteIOPSDevice", resources.blockIO().throttleWriteIOPSDevice());
        wanted.put("network.classID", resources.network().classID());
        wanted.put("network.priorities", resources.network().priorities());
        wanted.put("hugepageLimits", resources.hugepageLimits());
        wanted.put("rdma", resources.rdma());
        wanted.put("unified", resources.unified());
        for (Map.Entry<String, Object> each : wanted.entrySet()) {
            Object value = each.getValue();
            boolean isNone = value == null || value instanceof Number number && number.longValue() <= 0
                    || value instanceof String text && text.isEmpty() || value instanceof Map<?, ?> map && map.isEmpty()
                    || value instanceof List<?> list && list.isEmpty();
            if (!isNone) {
                throw new ContainerException(prefix + "." + each.getKey() + ": this limit needs control groups of the host, which this version"
                        + " does not use yet; leave it out");
            }
        }
        // Guests have no swap space: who may use more memory and swap together than memory never does.
        if (memory.swap() != null && memory.swap() > 0 && memory.limit() != null && memory.swap() < memory.limit()) {
            throw new ContainerException(prefix + ".memory.swap: " + memory.swap() + " is less than memory.limit");
        }
        return memory.limit() == null || memory.limit() == 0 ? null : memory.limit();
    }
}
