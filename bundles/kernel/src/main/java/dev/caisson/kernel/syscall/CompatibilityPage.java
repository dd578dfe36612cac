package dev.caisson.kernel.syscall;

import java.util.List;

/** Writes the page that says which system calls a table supports. */
public final class CompatibilityPage {
    private CompatibilityPage() {}

    /**
     * Renders a table as Markdown.
     *
     * @param table the table
     * @return the page, ending with a line end
     */
    public static String render(SyscallTable table) {
        List<SyscallRow> rows = table.rows();
        StringBuilder page = new StringBuilder(64 * 1024);
        page.append("# System calls of the table `").append(table.name()).append("`\n\n");
        page.append("Generated from the table's declaration; a test compares this page with it. Numbers are those of amd64.\n\n");
        page.append("| support | calls |\n| --- | --- |\n");
        for (Support support : Support.values()) {
            long count = rows.stream().filter(row -> row.support() == support).count();
            page.append("| ").append(word(support)).append(" | ").append(count).append(" |\n");
        }
        page.append("| all | ").append(rows.size()).append(" |\n\n");
        page.append("| number | call | support | what is missing, or why and which errno |\n| --- | --- | --- | --- |\n");
        for (SyscallRow row : rows) {
            page.append("| ").append(row.number()).append(" | ").append(row.name()).append(" | ").append(word(row.support()))
                    .append(" | ");
            if (row.errno() != null) {
                page.append(row.errno().name()).append(": ");
            }
            page.append(row.note()).append(" |\n");
        }
        return page.toString();
    }

    private static String word(Support support) {
        return switch (support) {
            case FULL -> "supported";
            case PARTIAL -> "partial";
            case ABSENT -> "unsupported";
        };
    }
}
