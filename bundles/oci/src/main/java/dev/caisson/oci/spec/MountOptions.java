package dev.caisson.oci.spec;

import dev.caisson.abi.Mount;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.LinkedHashMap;
import java.util.Collections;

/**
 * What the options of a mount mean, config.md "Linux mount options". The last one of those that contradict each other counts.
 *
 * @param isBind whether something of the host is bound
 * @param isRecursive whether with the mounts below it
 * @param flags {@code MS_*} to set on the mount
 * @param cleared {@code MS_*} that are explicitly not set
 * @param recursiveFlags {@code MS_*} to set on the mounts below, too (rro, rnosuid, ...)
 * @param recursiveCleared {@code MS_*} to take from all of them
 * @param propagation in order: {@code MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE}, each possibly with {@code MS_REC}
 * @param copiesUp whether a new tmpfs begins with what it hides (tmpcopyup)
 * @param data options of the filesystem itself; empty values for those without one
 */
public record MountOptions(boolean isBind, boolean isRecursive, long flags, long cleared, long recursiveFlags, long recursiveCleared,
        List<Long> propagation, boolean copiesUp, SequencedMap<String, String> data) {
    /** A flag that an option sets or clears. */
    private record Meaning(boolean isCleared, long flag) {}

    private static final Map<String, Meaning> FLAGS = new TreeMap<>();
    private static final Map<String, Meaning> RECURSIVE = new TreeMap<>();
    private static final Map<String, Long> PROPAGATION = new TreeMap<>();
    /** What a mount of ours cannot do. */
    private static final List<String> REFUSED = List.of("idmap", "ridmap", "remount");
    private static final List<String> OTHERS = List.of("bind", "rbind", "defaults", "loud", "silent", "tmpcopyup");

    static {
        flag("ro", "rw", Mount.MS_RDONLY);
        flag("nosuid", "suid", Mount.MS_NOSUID);
        flag("nodev", "dev", Mount.MS_NODEV);
        flag("noexec", "exec", Mount.MS_NOEXEC);
        flag("noatime", "atime", Mount.MS_NOATIME);
        flag("nodiratime", "diratime", Mount.MS_NODIRATIME);
        flag("relatime", "norelatime", Mount.MS_RELATIME);
        flag("strictatime", "nostrictatime", Mount.MS_STRICTATIME);
        flag("nosymfollow", "symfollow", Mount.MS_NOSYMFOLLOW);
        // Of the whole filesystem: everything is written at once here, or there are no versions and no mandatory locks to speak of.
        for (String[] pair : new String[][] {{"sync", "async"}, {"dirsync", null}, {"mand", "nomand"}, {"iversion", "noiversion"},
            {"lazytime", "nolazytime"}}) {
            for (String name : pair) {
                if (name != null) {
                    FLAGS.put(name, new Meaning(false, 0));
                }
            }
        }
        String[] kinds = {"shared", "slave", "private", "unbindable"};
        long[] types = {Mount.MS_SHARED, Mount.MS_SLAVE, Mount.MS_PRIVATE, Mount.MS_UNBINDABLE};
        for (int i = 0; i < kinds.length; i++) {
            PROPAGATION.put(kinds[i], types[i]);
            PROPAGATION.put("r" + kinds[i], types[i] | Mount.MS_REC);
        }
    }

    private static void flag(String sets, String clears, long flag) {
        FLAGS.put(sets, new Meaning(false, flag));
        FLAGS.put(clears, new Meaning(true, flag));
        RECURSIVE.put("r" + sets, new Meaning(false, flag));
        RECURSIVE.put("r" + clears, new Meaning(true, flag));
    }

    /** Copies what could change. */
    public MountOptions {
        propagation = List.copyOf(propagation);
        data = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(data));
    }

    /** {@return all options but those of filesystems, sorted} */
    static List<String> names() {
        List<String> all = new ArrayList<>(OTHERS);
        all.addAll(FLAGS.keySet());
        all.addAll(RECURSIVE.keySet());
        all.addAll(PROPAGATION.keySet());
        return all.stream().distinct().sorted().toList();
    }

    /**
     * The type of propagation that a name stands for.
     *
     * @param name such as {@code rslave}
     * @return {@code MS_*}, or null
     */
    public static Long propagation(String name) {
        return PROPAGATION.get(name);
    }

    MountOptions binding() {
        return new MountOptions(true, isRecursive, flags, cleared, recursiveFlags, recursiveCleared, propagation, copiesUp, data);
    }

    static MountOptions of(SpecNode mount) throws OciConfigException {
        boolean isBind = false;
        boolean isRecursive = false;
        boolean copiesUp = false;
        long flags = 0;
        long cleared = 0;
        long recursiveFlags = 0;
        long recursiveCleared = 0;
        List<Long> propagation = new ArrayList<>();
        SequencedMap<String, String> data = new LinkedHashMap<>();
        for (SpecNode node : mount.list("options")) {
            String option = node.text();
            Meaning flag = FLAGS.get(option);
            Meaning recursive = RECURSIVE.get(option);
            if (REFUSED.contains(option)) {
                throw node.error("is not supported: " + option);
            } else if (flag != null) {
                flags = flag.isCleared ? flags & ~flag.flag : flags | flag.flag;
                cleared = flag.isCleared ? cleared | flag.flag : cleared & ~flag.flag;
            } else if (recursive != null) {
                recursiveFlags = recursive.isCleared ? recursiveFlags & ~recursive.flag : recursiveFlags | recursive.flag;
                recursiveCleared = recursive.isCleared ? recursiveCleared | recursive.flag : recursiveCleared & ~recursive.flag;
            } else if (PROPAGATION.containsKey(option)) {
                propagation.add(PROPAGATION.get(option));
            } else if (option.equals("bind") || option.equals("rbind")) {
                isBind = true;
                isRecursive |= option.equals("rbind");
            } else if (option.equals("tmpcopyup")) {
                copiesUp = true;
            } else if (!OTHERS.contains(option)) {
                // Options of the filesystem; several may stand in one string, as they did for mount(2).
                for (String part : option.split(",")) {
                    int equals = part.indexOf('=');
                    if (!part.isEmpty()) {
                        data.put(equals < 0 ? part : part.substring(0, equals), equals < 0 ? "" : part.substring(equals + 1));
                    }
                }
            }
        }
        return new MountOptions(isBind, isRecursive, flags, cleared, recursiveFlags, recursiveCleared, propagation, copiesUp, data);
    }
}
