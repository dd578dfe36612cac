package dev.caisson.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.Test;

class PidNamespaceTest {
    private final PidNamespace root = new PidNamespace(null, 1);

    @Test
    void numbersStartAtOneAndAreNotGivenAgainAtOnce() throws ErrnoException {
        Pid first = root.allocate();
        assertEquals(1, first.number());
        Pid second = root.allocate();
        second.releaseIfUnused();
        assertEquals(3, root.allocate().number());
    }

    @Test
    void afterTheLastNumberTheReservedOnesAreLeftOut() throws ErrnoException {
        root.pidMax(301);
        for (int i = 1; i <= 300; i++) {
            assertEquals(i, root.allocate().number());
        }
        assertEquals(Errno.EAGAIN, assertThrows(ErrnoException.class, root::allocate).errno());
        root.find(300).releaseIfUnused();
        assertEquals(300, root.allocate().number());
    }

    @Test
    void aNestedNamespaceGivesANumberOnEachLevel() throws ErrnoException {
        root.allocate();
        root.allocate();
        PidNamespace inner = new PidNamespace(root, 2);
        Pid pid = inner.allocate();
        assertEquals(1, pid.number());
        assertEquals(3, pid.rootNumber());
        assertEquals(1, pid.in(inner));
        assertEquals(3, pid.in(root));
        assertSame(pid, root.find(3));
        assertEquals(0, root.find(1).in(inner), "outer processes are not seen inside");
        pid.releaseIfUnused();
        assertNull(root.find(3));
    }

    @Test
    void chosenNumbersMustBeFreeAndInRange() throws ErrnoException {
        root.allocate();
        assertEquals(Errno.EINVAL, assertThrows(ErrnoException.class, () -> root.allocate(new int[] {7}, true)).errno(), "no init yet");
        assertEquals(Errno.EEXIST, assertThrows(ErrnoException.class, () -> root.allocate(new int[] {1}, true)).errno());
        assertEquals(Errno.EINVAL, assertThrows(ErrnoException.class, () -> root.allocate(new int[] {5, 6}, true)).errno());
        assertEquals(Errno.EPERM, assertThrows(ErrnoException.class, () -> root.allocate(new int[] {1}, false)).errno(), "not for everybody");
    }

    @Test
    void theLimitHasBounds() {
        assertEquals(Errno.EINVAL, assertThrows(ErrnoException.class, () -> root.pidMax(300)).errno());
        assertEquals(Errno.EINVAL, assertThrows(ErrnoException.class, () -> root.pidMax(1 << 23)).errno());
    }
}
