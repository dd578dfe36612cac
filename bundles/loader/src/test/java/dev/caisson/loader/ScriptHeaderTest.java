package dev.caisson.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.Test;

class ScriptHeaderTest {
    private static ScriptHeader parse(String start) throws ErrnoException {
        String head = start.length() >= 256 ? start.substring(0, 256) : start + "\0".repeat(256 - start.length());
        return ScriptHeader.parse(head);
    }

    @Test
    void aFileWithoutTheMagicIsNoScript() throws ErrnoException {
        assertNull(parse("\177ELF"));
        assertNull(parse(""));
        assertNull(parse(" #!/bin/sh\n"));
    }

    @Test
    void everythingBehindTheInterpreterIsOneArgument() throws ErrnoException {
        assertEquals(new ScriptHeader("/usr/bin/env", "python3 -u  -x"), parse("#! \t/usr/bin/env \t python3 -u  -x \t\nrest"));
        assertEquals(new ScriptHeader("/bin/sh", null), parse("#!/bin/sh\n"));
        assertEquals(new ScriptHeader("/bin/sh", null), parse("#!/bin/sh"));
        assertEquals(new ScriptHeader("/bin/sh", "-e"), parse("#!/bin/sh -e"));
    }

    @Test
    void noInterpreterIsEnoexec() {
        assertSame(Errno.ENOEXEC, assertThrows(ErrnoException.class, () -> parse("#!  \n/bin/sh")).errno());
    }

    @Test
    void nothingButTheMagicNamesAnInterpreterWithoutName() throws ErrnoException {
        assertEquals(new ScriptHeader("", null), parse("#!"));
        assertEquals(new ScriptHeader("", null), parse("#! \t"));
    }

    @Test
    void aNameThatDoesNotEndInTheFirstBytesIsEnoexec() {
        assertSame(Errno.ENOEXEC, assertThrows(ErrnoException.class, () -> parse("#!/" + "a".repeat(300) + "\n")).errno());
    }

    @Test
    void anArgumentIsCutWhereTheFirstBytesEnd() throws ErrnoException {
        assertEquals(255 - "#!/bin/sh ".length(), parse("#!/bin/sh " + "x".repeat(300)).argument().length());
    }
}
