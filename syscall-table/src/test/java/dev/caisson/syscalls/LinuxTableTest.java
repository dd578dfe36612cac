package dev.caisson.syscalls;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.kernel.syscall.CompatibilityPage;
import dev.caisson.kernel.syscall.SyscallRow;
import dev.caisson.kernel.syscall.SyscallTable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The table against the numbers of Linux (arch/x86/entry/syscalls/syscall_64.tbl) and against the page made from it. */
final class LinuxTableTest {
    private static final Path PAGE = Path.of("..", "docs", "syscalls.md");

    private final SyscallTable table = new LinuxTable().table();

    @Test
    void everyNumberOfLinuxHasARowOfItsName() throws IOException {
        Map<Integer, String> linux = new TreeMap<>();
        try (InputStream in = getClass().getResourceAsStream("/amd64-numbers.txt")) {
            for (String line : new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList()) {
                String[] words = line.split(" ");
                linux.put(Integer.valueOf(words[0]), words[1]);
            }
        }
        Map<Integer, String> declared = new TreeMap<>();
        for (SyscallRow row : table.rows()) {
            declared.put(row.number(), row.name());
        }
        assertEquals(linux, declared);
    }

    @Test
    void rowsThatLackSomethingSayWhat() {
        List<SyscallRow> silent = table.rows().stream()
                .filter(row -> row.note().isBlank() != (row.support() == dev.caisson.kernel.syscall.Support.FULL)).toList();
        assertEquals(List.of(), silent);
    }

    /** Run with {@code -Dcaisson.docs.write=true} to write the page anew. */
    @Test
    void theCompatibilityPageIsThatOfTheTable() throws IOException {
        String page = CompatibilityPage.render(table);
        if (Boolean.getBoolean("caisson.docs.write")) {
            Files.createDirectories(PAGE.getParent());
            Files.writeString(PAGE, page);
        }
        assertEquals(page, Files.readString(PAGE), "docs/syscalls.md is not up to date: run the test with -Dcaisson.docs.write=true");
    }
}
