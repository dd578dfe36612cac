package dev.caisson.oci.cgroup;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a control group uses, in the shape that runc's {@code events} gives: libcontainer's types/events.go. A file that is missing counts as zeros. */
final class GroupStats {
    private static final long NS_PER_US = 1000, NS_PER_TICK = 10_000_000;

    private final ControlGroup group;

    GroupStats(ControlGroup group) {
        this.group = group;
    }

    JsonObject json() {
        JsonObject all = new JsonObject();
        all.put("cpu", group.isUnified() ? cpuUnified() : cpuFirst());
        all.put("memory", group.isUnified() ? memoryUnified() : memoryFirst());
        JsonObject pids = new JsonObject();
        pids.put("current", number("pids", "pids.current"));
        long limit = number("pids", "pids.max");
        if (limit > 0) {
            pids.put("limit", limit);
        }
        all.put("pids", pids);
        all.put("blkio", blockIo());
        all.put("hugetlb", new JsonObject());
        all.put("intel_rdt", new JsonObject());
        all.put("network_interfaces", null);
        return all;
    }

    private List<String> lines(String controller, String file) {
        Path directory = group.with(controller);
        try {
            return directory == null ? List.of() : Files.readAllLines(directory.resolve(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return List.of(); // not on this host
        }
    }

    private long number(String controller, String file) {
        List<String> lines = lines(controller, file);
        return lines.isEmpty() ? 0 : number(lines.getFirst().strip());
    }

    private static long number(String text) {
        if (text.equals("max")) {
            return 0;
        }
        try {
            return Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            return 0; // none of ours
        }
    }

    /** A file of lines with a name and a number. */
    private Map<String, Long> table(String controller, String file) {
        Map<String, Long> table = new LinkedHashMap<>();
        for (String line : lines(controller, file)) {
            int blank = line.indexOf(' ');
            if (blank > 0) {
                table.put(line.substring(0, blank), number(line.substring(blank + 1).strip()));
            }
        }
        return table;
    }

    private JsonObject cpuFirst() {
        JsonObject usage = new JsonObject();
        usage.put("total", number("cpuacct", "cpuacct.usage"));
        JsonArray each = new JsonArray();
        for (String line : lines("cpuacct", "cpuacct.usage_percpu")) {
            for (String word : line.strip().split(" ")) {
                each.add(number(word));
            }
        }
        usage.put("percpu", each);
        Map<String, Long> times = table("cpuacct", "cpuacct.stat"); // in ticks
        usage.put("kernel", times.getOrDefault("system", 0L) * NS_PER_TICK);
        usage.put("user", times.getOrDefault("user", 0L) * NS_PER_TICK);
        Map<String, Long> stat = table("cpu", "cpu.stat");
        return cpu(usage, stat, stat.getOrDefault("throttled_time", 0L));
    }

    private JsonObject cpuUnified() {
        Map<String, Long> stat = table("cpu", "cpu.stat");
        JsonObject usage = new JsonObject();
        usage.put("total", stat.getOrDefault("usage_usec", 0L) * NS_PER_US);
        usage.put("kernel", stat.getOrDefault("system_usec", 0L) * NS_PER_US);
        usage.put("user", stat.getOrDefault("user_usec", 0L) * NS_PER_US);
        return cpu(usage, stat, stat.getOrDefault("throttled_usec", 0L) * NS_PER_US);
    }

    private static JsonObject cpu(JsonObject usage, Map<String, Long> stat, long throttledNs) {
        JsonObject throttling = new JsonObject();
        throttling.put("periods", stat.getOrDefault("nr_periods", 0L));
        throttling.put("throttledPeriods", stat.getOrDefault("nr_throttled", 0L));
        throttling.put("throttledTime", throttledNs);
        JsonObject cpu = new JsonObject();
        cpu.put("usage", usage);
        cpu.put("throttling", throttling);
        return cpu;
    }

    private JsonObject entry(String limit, String usage, String most, String failures) {
        JsonObject entry = new JsonObject();
        // Without a limit, version 1 shows the largest number of whole pages; version 2 "max", for which runc has the largest number.
        long value = group.isUnified() && lines("memory", limit).equals(List.of("max")) ? -1 : number("memory", limit);
        if (value == -1) {
            entry.put("limit", new java.math.BigDecimal("18446744073709551615"));
        } else {
            entry.put("limit", value);
        }
        entry.put("usage", number("memory", usage));
        entry.put("max", number("memory", most));
        entry.put("failcnt", failures.isEmpty() ? 0 : number("memory", failures));
        return entry;
    }

    private JsonObject memoryFirst() {
        Map<String, Long> stat = table("memory", "memory.stat");
        JsonObject memory = new JsonObject();
        memory.put("cache", stat.getOrDefault("cache", 0L));
        memory.put("usage", entry("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.failcnt"));
        memory.put("swap", entry("memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes", "memory.memsw.max_usage_in_bytes",
                "memory.memsw.failcnt"));
        memory.put("kernel", entry("memory.kmem.limit_in_bytes", "memory.kmem.usage_in_bytes", "memory.kmem.max_usage_in_bytes",
                "memory.kmem.failcnt"));
        memory.put("kernelTCP", entry("memory.kmem.tcp.limit_in_bytes", "memory.kmem.tcp.usage_in_bytes",
                "memory.kmem.tcp.max_usage_in_bytes", "memory.kmem.tcp.failcnt"));
        return withRaw(memory, stat);
    }

    private JsonObject memoryUnified() {
        Map<String, Long> stat = table("memory", "memory.stat");
        JsonObject memory = new JsonObject();
        memory.put("cache", stat.getOrDefault("file", 0L));
        memory.put("usage", entry("memory.max", "memory.current", "memory.peak", ""));
        memory.put("swap", entry("memory.swap.max", "memory.swap.current", "memory.swap.peak", ""));
        return withRaw(memory, stat);
    }

    private static JsonObject withRaw(JsonObject memory, Map<String, Long> stat) {
        JsonObject raw = new JsonObject();
        raw.putAll(stat);
        memory.put("raw", raw);
        return memory;
    }

    private JsonObject blockIo() {
        JsonObject io = new JsonObject();
        if (group.isUnified()) {
            JsonArray bytes = new JsonArray();
            JsonArray operations = new JsonArray();
            for (String line : lines("io", "io.stat")) {
                String[] words = line.strip().split(" ");
                for (int i = 1; i < words.length; i++) {
                    int equals = words[i].indexOf('=');
                    String key = equals < 0 ? "" : words[i].substring(0, equals);
                    long value = equals < 0 ? 0 : number(words[i].substring(equals + 1));
                    switch (key) {
                        case "rbytes" -> bytes.add(entry(words[0], "Read", value));
                        case "wbytes" -> bytes.add(entry(words[0], "Write", value));
                        case "rios" -> operations.add(entry(words[0], "Read", value));
                        case "wios" -> operations.add(entry(words[0], "Write", value));
                        default -> { }
                    }
                }
            }
            io.put("ioServiceBytesRecursive", bytes);
            io.put("ioServicedRecursive", operations);
            return io;
        }
        io.put("ioServiceBytesRecursive", operations("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"));
        io.put("ioServicedRecursive", operations("blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"));
        return io;
    }

    private JsonArray operations(String first, String otherwise) {
        JsonArray all = new JsonArray();
        List<String> lines = lines("blkio", first);
        for (String line : lines.isEmpty() ? lines("blkio", otherwise) : lines) {
            String[] words = line.strip().split(" ");
            if (words.length == 3) {
                all.add(entry(words[0], words[1], number(words[2])));
            }
        }
        return all;
    }

    private static JsonObject entry(String device, String operation, long value) {
        String[] numbers = device.split(":");
        JsonObject entry = new JsonObject();
        entry.put("major", number(numbers[0]));
        entry.put("minor", numbers.length < 2 ? 0 : number(numbers[1]));
        entry.put("op", operation);
        entry.put("value", value);
        return entry;
    }
}
