package dev.caisson.kernel;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Wait;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class ProcessTreeTest {
    private TestSandbox sandbox;
    private Task init;

    @BeforeEach
    void start() throws ErrnoException {
        sandbox = new TestSandbox();
        init = sandbox.init;
        init.thread(Thread.currentThread());
        init.bindFrames();
    }

    @AfterEach
    void stop() {
        sandbox.close();
    }

    private ChildWait.Found waitAny(Task task, int options) throws ErrnoException {
        return ChildWait.await(task, ChildWait.Which.ANY, null, options | Wait.WEXITED);
    }

    @Test
    void theFirstProcessIsNumberOneAndLeadsItsSession() {
        assertEquals(1, init.process().pid());
        assertEquals(1, init.process().session().id());
        assertTrue(init.isSessionLeader());
    }

    @Test
    void waitingWithoutChildrenFails() {
        assertErrno(Errno.ECHILD, () -> waitAny(init, 0));
    }

    @Test
    void aChildIsWaitedForOnceAndItsNumberIsFreeThen() throws ErrnoException {
        Task child = sandbox.link(init);
        assertNull(waitAny(init, Wait.WNOHANG));
        TestSandbox.exit(child, 5);
        assertTrue(child.process().isZombie());
        ChildWait.Found peeked = waitAny(init, Wait.WNOWAIT);
        assertEquals(5 << 8, peeked.waitStatus());
        ChildWait.Found found = waitAny(init, 0);
        assertEquals(child.process().pid(), found.pid());
        assertEquals(SignalCodes.CLD_EXITED, found.code());
        assertEquals(5, found.status());
        assertNull(sandbox.kernel.rootPids().find(found.pid()));
        assertErrno(Errno.ECHILD, () -> waitAny(init, 0));
    }

    @Test
    void aWaitSleepsUntilTheChildExits() throws Exception {
        Task child = sandbox.link(init);
        Thread later = Thread.ofPlatform().start(() -> {
            while (!init.isSleeping()) {
                Thread.yield();
            }
            TestSandbox.exit(child, 1);
        });
        assertEquals(1 << 8, waitAny(init, 0).waitStatus());
        later.join();
    }

    @Test
    void theSignalThatEndsTheGroupIsItsStatus() throws ErrnoException {
        Task child = sandbox.link(init);
        child.process().kill();
        assertTrue(child.isKilled());
        TestSandbox.exit(child, 0);
        ChildWait.Found found = waitAny(init, 0);
        assertEquals(SignalCodes.CLD_KILLED, found.code());
        assertEquals(Signals.SIGKILL, found.status());
    }

    @Test
    void aProcessEndsWithItsLastThreadWhicheverThatIs() throws ErrnoException {
        Task leader = sandbox.link(init);
        Task second = sandbox.linkThread(leader);
        TestSandbox.exit(leader, 3);
        assertFalse(leader.process().isZombie());
        assertNull(waitAny(init, Wait.WNOHANG));
        TestSandbox.exit(second, 4);
        assertEquals(4 << 8, waitAny(init, 0).waitStatus());
    }

    @Test
    void theParentIsToldOfTheEnd() throws ErrnoException {
        init.process().signals().setAction(Signals.SIGCHLD, new SignalAction(0x1000, 0, 0, 0));
        TestSandbox.exit(sandbox.link(init), 0);
        assertTrue(init.signals().hasWork());
    }

    @Test
    void nobodyWaitsForTheChildrenOfWhoIgnoresThem() throws ErrnoException {
        init.process().signals().setAction(Signals.SIGCHLD, new SignalAction(Signals.SIG_IGN, 0, 0, 0));
        Task child = sandbox.link(init);
        TestSandbox.exit(child, 0);
        assertTrue(child.process().isReaped());
        assertErrno(Errno.ECHILD, () -> waitAny(init, 0));
    }

    @Test
    void waitingForAGroupSeesItsMembersOnly() throws ErrnoException {
        Task first = sandbox.link(init);
        Task second = sandbox.link(init);
        ProcessTree.setGroup(second, 0, 0);
        TestSandbox.exit(first, 1);
        assertNull(ChildWait.await(init, ChildWait.Which.GROUP, second.identity(), Wait.WEXITED | Wait.WNOHANG));
        TestSandbox.exit(second, 2);
        assertEquals(2 << 8, ChildWait.await(init, ChildWait.Which.GROUP, second.identity(), Wait.WEXITED).waitStatus());
    }

    @Test
    void cloneChildrenNeedTheirOption() throws ErrnoException {
        Task child = sandbox.link(init);
        child.process().exitSignal = 0;
        TestSandbox.exit(child, 0);
        assertErrno(Errno.ECHILD, () -> waitAny(init, Wait.WNOHANG));
        assertEquals(child.process().pid(), waitAny(init, Wait.__WCLONE).pid());
    }

    @Test
    void orphansGoToTheNearestSubreaper() throws ErrnoException {
        Task reaper = sandbox.link(init);
        Task middle = sandbox.link(reaper);
        Task orphan = sandbox.link(middle);
        reaper.process().subreaper(true);
        TestSandbox.exit(middle, 0);
        assertSame(reaper.process(), orphan.process().parent());
        TestSandbox.exit(reaper, 0);
        assertSame(init.process(), orphan.process().parent());
    }

    @Test
    void theDeathOfTheParentSignalsWhoAskedForIt() throws ErrnoException {
        Task parent = sandbox.link(init);
        Task child = sandbox.link(parent);
        child.parentDeathSignal(Signals.SIGUSR1);
        TestSandbox.exit(parent, 0);
        assertTrue(child.process().isExiting(), "SIGUSR1 kills by default");
    }

    @Test
    void groupsFollowTheRulesOfSetpgid() throws ErrnoException {
        Task child = sandbox.link(init);
        Task other = sandbox.link(init);
        int pid = child.process().pid();
        assertErrno(Errno.EINVAL, () -> ProcessTree.setGroup(init, pid, -1));
        assertErrno(Errno.ESRCH, () -> ProcessTree.setGroup(init, 4711, 0));
        assertErrno(Errno.ESRCH, () -> ProcessTree.setGroup(other, pid, 0));
        assertErrno(Errno.EPERM, () -> ProcessTree.setGroup(init, pid, 4711));
        assertErrno(Errno.EPERM, () -> ProcessTree.setGroup(init, 0, 0));
        ProcessTree.setGroup(init, pid, 0);
        assertEquals(pid, child.process().group().id());
        ProcessTree.setGroup(init, other.process().pid(), pid);
        assertSame(child.process().group(), other.process().group());
        child.process().executed = true;
        assertErrno(Errno.EACCES, () -> ProcessTree.setGroup(init, pid, 0));
    }

    @Test
    void aGroupLeaderStartsNoSession() throws ErrnoException {
        Task child = sandbox.link(init);
        assertErrno(Errno.EPERM, () -> ProcessTree.newSession(init));
        assertEquals(child.process().pid(), ProcessTree.newSession(child));
        assertErrno(Errno.EPERM, () -> ProcessTree.newSession(child));
        assertEquals(child.process().pid(), child.process().session().id());
        assertEquals(child.process().pid(), child.process().group().id());
    }

    @Test
    void aGroupIsOrphanedWhenNobodyInItsSessionWatchesIt() throws ErrnoException {
        Task shell = sandbox.link(init);
        Task job = sandbox.link(shell);
        ProcessTree.setGroup(job, 0, 0);
        assertFalse(job.process().group().isOrphaned());
        TestSandbox.exit(shell, 0);
        assertTrue(job.process().group().isOrphaned());
    }

    @Test
    void aNumberStaysTakenWhileAGroupUsesIt() throws ErrnoException {
        Task leader = sandbox.link(init);
        Task member = sandbox.link(init);
        ProcessTree.setGroup(leader, 0, 0);
        ProcessTree.setGroup(member, 0, leader.process().pid());
        TestSandbox.exit(leader, 0);
        int id = waitAny(init, 0).pid();
        assertSame(member.process().group(), sandbox.kernel.rootPids().group(id));
        assertNull(sandbox.kernel.rootPids().process(id));
        TestSandbox.exit(member, 0);
        waitAny(init, 0);
        assertNull(sandbox.kernel.rootPids().find(id));
    }
}
