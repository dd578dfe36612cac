package dev.caisson.cli.sandbox;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import dev.caisson.abi.Errno;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.runtime.RuntimeLog;
import dev.caisson.oci.spec.OciConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * {@code process.oomScoreAdj} on the host: whom its kernel kills when it has no memory left. A container's processes are those of its sandbox, which have
 * what config.json says; what it does not say they inherit from who starts them. A pod's sandbox has the lowest that one of its containers has, apart from
 * the first, which is the engine's own. What the host does not permit is told in the log, and nothing fails for it.
 */
public final class OomScore {
    private static final String FIELD = "process.oomScoreAdj", STATE = "state.json", CONFIG = "config.json";
    private static final int UNITS = 1000;
    /**
     * The {@link dev.caisson.host.code.MemoryAlarm} has processes that the host has to prefer in a group that uses as much as its limit; the sandbox
     * weighs less by what they are larger, and the group may use more than what guests may.
     */
    private static final long ALARM_BYTES = 96L << 20, OTHER_BYTES = 256L << 20;

    private OomScore() {}

    /**
     * What a container's sandbox gets.
     *
     * @param config of the container, which is alone
     * @param log told when it is less than wanted
     * @return the score, or null when it is inherited
     */
    public static Integer of(OciConfig config, RuntimeLog log) {
        Integer wanted = config.process() == null ? null : config.process().oomScoreAdj();
        Long limit = config.linux().resources().memory().limit();
        if (wanted == null || limit == null || limit <= 0) {
            return wanted;
        }
        long most = ALARM_BYTES * UNITS / (Math.min(limit, Long.MAX_VALUE / 2) + OTHER_BYTES);
        if (wanted > most) {
            log.write("warning", FIELD + ": the sandbox has " + most + " instead of " + wanted + ", so that a program that is killed for lack of memory"
                    + " can be told to the host's control group");
            return (int) most;
        }
        return wanted;
    }

    /**
     * Sets the score of this process, which has no others yet, and of the one that stands for it.
     *
     * @param host this process' side of the host
     * @param config of the container
     * @param log told what the host does not permit
     */
    public static void set(HostSide host, OciConfig config, RuntimeLog log) throws IOException {
        Integer wanted = of(config, log);
        if (wanted == null) {
            return;
        }
        boolean isPods = PodMembership.of(config.annotations()).isInPod();
        if (host.launcher() == null) {
            if (!isPods) {
                set(List.of(host.own().pid()), wanted, log);
            }
            return;
        }
        long result = 0;
        for (long pid : isPods ? new long[] {host.process().pid()} : new long[] {host.process().pid(), host.own().pid()}) {
            result = Math.min(result, host.launcher().write(file(pid), Integer.toString(wanted)));
        }
        if (result < 0) {
            refused(wanted, Errno.of(-result).text(), log);
        }
    }

    private static void refused(int wanted, String why, RuntimeLog log) {
        log.write("warning", FIELD + ": the host does not permit " + wanted + ": " + why);
    }

    private static String file(long pid) {
        return "/proc/" + pid + "/oom_score_adj";
    }

    /** {@return the score of a process, or null when there is no such} */
    public static Integer of(long pid) {
        try {
            return Integer.valueOf(Files.readString(Path.of(file(pid)), StandardCharsets.US_ASCII).strip());
        } catch (IOException e) {
            return null;
        }
    }

    /**
     * Sets the score of processes.
     *
     * @param processes their numbers; those that have ended are left out
     * @param wanted the score
     * @param log told what the host does not permit
     */
    public static void set(List<Long> processes, int wanted, RuntimeLog log) {
        for (long pid : processes) {
            try {
                Files.writeString(Path.of(file(pid)), Integer.toString(wanted));
            } catch (IOException e) {
                if (of(pid) != null) {
                    String message = e.getMessage() == null ? e.toString() : e.getMessage();
                    refused(wanted, message.replace(file(pid) + ": ", ""), log);
                    return;
                }
            }
        }
    }

    /**
     * Sets the score of a sandbox that runs already, with all processes that it has; those that it starts inherit it.
     *
     * @param sandbox number of its Java process
     * @param wanted the score
     * @param log told what the host does not permit
     */
    public static void setTree(long sandbox, int wanted, RuntimeLog log) {
        List<Long> seen = new ArrayList<>();
        for (List<Long> all = tree(sandbox); !seen.containsAll(all); all = tree(sandbox)) { // one may have been started meanwhile by one not yet set
            all.removeAll(seen);
            set(all, wanted, log);
            seen.addAll(all);
        }
    }

    private static List<Long> tree(long root) {
        return new ArrayList<>(Stream.concat(Stream.of(root), ProcessHandle.of(root).stream().flatMap(ProcessHandle::descendants).map(ProcessHandle::pid)).toList());
    }

    /**
     * Gives a pod's sandbox what its containers want now. When none of them wants anything any more, it gets what who started it has.
     *
     * @param store where the containers are
     * @param sandbox the pod's first container
     * @param isLess whether one has been removed
     * @param log told what the host does not permit
     */
    public static void ofPod(ContainerStore store, ContainerState sandbox, boolean isLess, RuntimeLog log) {
        Integer last = null;
        while (true) { // who makes another container at the same time may not have seen this one
            Integer wanted = lowest(store, sandbox.id());
            if (wanted == null && isLess) {
                wanted = ProcessHandle.of(sandbox.process().pid()).flatMap(ProcessHandle::parent).map(parent -> of(parent.pid())).orElse(null);
            }
            if (wanted == null || wanted.equals(last) || !sandbox.sandbox().isAlive()) {
                return;
            }
            setTree(sandbox.sandbox().pid(), wanted, log);
            last = wanted;
        }
    }

    private static Integer lowest(ContainerStore store, String sandbox) {
        return store.ids().stream().map(id -> ofMember(store, id, sandbox)).filter(Objects::nonNull).min(Integer::compare).orElse(null);
    }

    private static Integer ofMember(ContainerStore store, String id, String sandbox) {
        try {
            ContainerDirectory directory = store.find(id);
            if (!Files.readString(directory.path().resolve(STATE), StandardCharsets.UTF_8).contains(sandbox)) {
                return null; // most are of others, and need not be understood
            }
            PodMembership membership = PodMembership.of(directory.state().annotations());
            if (!membership.isMember() || !membership.sandbox().equals(sandbox)) {
                return null;
            }
            JsonObject config = JsonParser.object().from(Files.readString(directory.path().resolve(CONFIG), StandardCharsets.UTF_8));
            return config.getObject("process", new JsonObject()).get("oomScoreAdj") instanceof Number number ? number.intValue() : null;
        } catch (IOException | ContainerException | JsonParserException | IllegalArgumentException e) {
            return null; // it is being made or removed
        }
    }
}
