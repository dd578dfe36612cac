package dev.caisson.vfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.caisson.spi.cred.Credentials;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ChildTableTest {
    private final AnonymousFiles files = new AnonymousFiles(new Watches());
    private final Dentry directory =
            Dentry.rootOf(files.node(AnonymousFiles.Kind.OTHER, "", Credentials.ROOT).fileSystem());
    private final ChildTable table = new ChildTable();

    private Dentry dentry(String name) {
        return new Dentry(directory.tree(), directory, name, null);
    }

    private Dentry find(String path, int start, int end) {
        byte[] bytes = path.getBytes(StandardCharsets.ISO_8859_1);
        return table.find(bytes, start, end, ChildTable.hash(bytes, start, end));
    }

    @Test
    void partsOfPathsAreFoundWithoutCuttingThemOut() {
        Dentry bin = dentry("bin");
        table.put(directory, "bin", bin, true);
        assertSame(bin, find("/usr/bin/env", 5, 8));
        assertNull(find("/usr/bin/env", 5, 7));
        assertNull(find("/usr/bins", 5, 9));
        assertSame(bin, table.find("bin"));
    }

    @Test
    void manyNamesStayFindable() {
        Dentry[] all = new Dentry[1000];
        for (int i = 0; i < all.length; i++) {
            all[i] = dentry("name" + i);
            table.put(directory, "name" + i, all[i], true);
        }
        for (int i = 0; i < all.length; i++) {
            assertSame(all[i], table.find("name" + i));
        }
        for (int i = 0; i < all.length; i += 2) {
            table.remove("name" + i);
        }
        for (int i = 0; i < all.length; i++) {
            assertSame(i % 2 == 0 ? null : all[i], table.find("name" + i));
        }
    }

    @Test
    void aNameIsThereOnce() {
        table.put(directory, "a", dentry("a"), true);
        Dentry second = dentry("a");
        table.put(directory, "a", second, true);
        assertSame(second, table.find("a"));
        table.remove("a");
        assertNull(table.find("a"));
    }

    @Test
    void weakEntriesAreFoundWhileInUse() {
        Dentry used = dentry("used");
        ChildTable.Entry entry = table.put(directory, "used", used, true);
        entry.weaken();
        assertSame(used, table.find("used"));
        assertEquals(false, table.holdsAny());
    }

    @Test
    void theHashIsThatOfStrings() {
        byte[] path = "/\u00ebtc/passwd".getBytes(StandardCharsets.ISO_8859_1);
        assertEquals("\u00ebtc".hashCode(), ChildTable.hash(path, 1, 4));
    }
}
