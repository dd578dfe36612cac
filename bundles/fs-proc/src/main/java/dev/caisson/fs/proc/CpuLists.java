package dev.caisson.fs.proc;

/** CPU masks in the list format of cpuset(7): {@code 0-3,8}. */
final class CpuLists {
    private CpuLists() {}

    static String format(long mask) {
        StringBuilder text = new StringBuilder();
        int cpu = 0;
        while (cpu < Long.SIZE) {
            if ((mask >>> cpu & 1) == 0) {
                cpu++;
                continue;
            }
            int first = cpu;
            while (cpu < Long.SIZE && (mask >>> cpu & 1) != 0) {
                cpu++;
            }
            text.append(text.isEmpty() ? "" : ",").append(first);
            if (cpu - first > 1) {
                text.append('-').append(cpu - 1);
            }
        }
        return text.toString();
    }
}
