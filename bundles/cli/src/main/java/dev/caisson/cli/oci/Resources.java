package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.control.Sizes;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciResources;
import java.util.Map;

/**
 * {@code linux.resources} as commands have it. Memory and tasks of the programs are limited by the sandbox' kernel; everything else, and the sandbox
 * itself, by the host's control groups. Devices need no rules: a sandbox has those that every container may use, and no others.
 */
final class Resources {
    /** Options of update by the member of the resources that they are; numbers all, and sizes where there is an M. */
    private static final Map<String, String> OPTIONS = Map.ofEntries(Map.entry("--memory", "M memory limit"),
            Map.entry("--memory-reservation", "M memory reservation"), Map.entry("--memory-swap", "M memory swap"),
            Map.entry("--kernel-memory", "M memory kernel"), Map.entry("--kernel-memory-tcp", "M memory kernelTCP"),
            Map.entry("--cpu-period", "N cpu period"), Map.entry("--cpu-quota", "N cpu quota"), Map.entry("--cpu-burst", "N cpu burst"),
            Map.entry("--cpu-share", "N cpu shares"), Map.entry("--cpu-rt-period", "N cpu realtimePeriod"),
            Map.entry("--cpu-rt-runtime", "N cpu realtimeRuntime"), Map.entry("--cpu-idle", "N cpu idle"),
            Map.entry("--cpuset-cpus", "S cpu cpus"), Map.entry("--cpuset-mems", "S cpu mems"), Map.entry("--pids-limit", "N pids limit"),
            Map.entry("--blkio-weight", "N blockIO weight"));

    private Resources() {}

    /**
     * Checks what no kernel is asked for.
     *
     * @param resources what is wanted
     * @param prefix where they come from, for the message
     * @throws ContainerException when there is a limit that cannot be kept; the message names it
     */
    static void check(OciResources resources, String prefix) throws ContainerException {
        OciResources.Memory memory = resources.memory();
        if (Boolean.TRUE.equals(memory.disableOOMKiller())) {
            throw new ContainerException(prefix + ".memory.disableOOMKiller: programs that wait for memory for ever are not supported; leave it out");
        }
        // Guests have no swap space: who may use more memory and swap together than memory never does.
        if (memory.swap() != null && memory.swap() > 0 && memory.limit() != null && memory.swap() < memory.limit()) {
            throw new ContainerException(prefix + ".memory.swap: " + memory.swap() + " is less than memory.limit");
        }
    }

    /**
     * Whether the sandbox' kernel keeps all of them, so that the host's control groups may be missing.
     *
     * @param resources what is wanted
     * @return whether
     */
    static boolean isOfGuest(OciResources resources) {
        OciResources.Cpu cpu = resources.cpu();
        OciResources.BlockIo io = resources.blockIO();
        boolean hasCpu = isSaid(cpu.shares()) || isSaid(cpu.quota()) || isSaid(cpu.burst()) || isSaid(cpu.realtimeRuntime()) || !cpu.cpus().isEmpty()
                || !cpu.mems().isEmpty() || cpu.idle() != null;
        boolean hasIo = io.weight() != null && io.weight() != 0 || io.leafWeight() != null && io.leafWeight() != 0
                || !(io.weightDevice().isEmpty() && io.throttleReadBpsDevice().isEmpty() && io.throttleWriteBpsDevice().isEmpty()
                        && io.throttleReadIOPSDevice().isEmpty() && io.throttleWriteIOPSDevice().isEmpty());
        OciResources.Memory memory = resources.memory();
        return !hasCpu && !hasIo && !isSaid(memory.reservation()) && !isSaid(memory.kernelTCP()) && memory.swappiness() == null
                && resources.hugepageLimits().isEmpty() && resources.unified().isEmpty() && resources.rdma().isEmpty()
                && !isSaid(resources.network().classID()) && resources.network().priorities().isEmpty();
    }

    private static boolean isSaid(Long value) {
        return value != null && value != 0;
    }

    /**
     * The limits in options of update.
     *
     * @param line the command
     * @return JSON of resources
     * @throws ContainerException when a value is none
     */
    static OciResources ofOptions(OciLine line) throws ContainerException, OciConfigException {
        JsonObject all = new JsonObject();
        for (Map.Entry<String, String> each : OPTIONS.entrySet()) {
            String text = line.value(each.getKey(), "");
            if (text.isEmpty()) {
                continue;
            }
            String[] place = each.getValue().split(" ");
            JsonObject object = all.getObject(place[1], new JsonObject());
            object.put(place[2], place[0].equals("S") ? text : Long.valueOf(number(each.getKey(), text, place[0].equals("M"))));
            all.put(place[1], object);
        }
        return OciResources.parse(JsonWriter.string(all));
    }

    private static long number(String option, String text, boolean isSize) throws ContainerException {
        try {
            return isSize && !text.startsWith("-") ? Sizes.parse(text) : Long.parseLong(text);
        } catch (IllegalArgumentException e) {
            throw new ContainerException(option + ": " + (isSize ? e.getMessage() : "takes a number, not " + text), e);
        }
    }
}
