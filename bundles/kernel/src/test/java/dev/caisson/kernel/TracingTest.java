package dev.caisson.kernel;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Wait;
import dev.caisson.kernel.ptrace.TracerRequests;
import dev.caisson.kernel.ptrace.Tracing;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class TracingTest {
    private TestSandbox sandbox;
    private Task init;
    private Task child;

    @BeforeEach
    void start() throws ErrnoException {
        sandbox = new TestSandbox();
        init = sandbox.init;
        init.thread(Thread.currentThread());
        init.bindFrames();
        child = sandbox.link(init);
    }

    @AfterEach
    void stop() {
        sandbox.close();
    }

    private ChildWait.Found waitFor(Task caller, Task target, int options) throws ErrnoException {
        return ChildWait.await(caller, ChildWait.Which.PROCESS, target.identity(), options | Wait.WEXITED);
    }

    private TracerRequests tracer(Task target) throws ErrnoException {
        return new TracerRequests(init, Tracing.find(init, target.tid()));
    }

    /** Lets a task do something on a thread of its own. */
    private Thread onItsThread(Task task, Runnable body) {
        Thread thread = new Thread(() -> {
            task.bindFrames();
            body.run();
        });
        task.thread(thread);
        thread.start();
        return thread;
    }

    @Test
    void aTaskHasOneTracerWhichIsNotOfItsProcess() throws ErrnoException {
        assertErrno(Errno.ESRCH, () -> Tracing.find(init, child.tid()));
        Tracing.traceMe(child);
        assertErrno(Errno.EPERM, () -> Tracing.traceMe(child));
        assertErrno(Errno.EPERM, () -> Tracing.attach(init, child, false, 0, 0));
        Task other = sandbox.linkThread(init);
        assertErrno(Errno.EPERM, () -> Tracing.attach(other, init, false, 0, 0));
        assertErrno(Errno.ESRCH, () -> Tracing.find(other, child.tid()));
        assertErrno(Errno.ESRCH, () -> tracer(child).resume(Ptrace.PTRACE_CONT, 0));
    }

    @Test
    void aStopIsToldOnceAndEndsWhenTheTracerLetsGo() throws Exception {
        Tracing.attach(init, child, true, 0, Ptrace.PTRACE_O_TRACESYSGOOD | 1 << Ptrace.PTRACE_EVENT_FORK);
        Thread own = onItsThread(child, () -> child.tracee().event(Ptrace.PTRACE_EVENT_FORK, 77));
        ChildWait.Found found = waitFor(init, child, 0);
        assertEquals(SignalCodes.CLD_TRAPPED, found.code());
        assertEquals((Signals.SIGTRAP | Ptrace.PTRACE_EVENT_FORK << 8) << 8 | 0x7f, found.waitStatus());
        assertNull(waitFor(init, child, Wait.WNOHANG));
        assertTrue(child.tracee().isStopped());
        assertErrno(Errno.EIO, () -> tracer(child).resume(Ptrace.PTRACE_CONT, 65));
        tracer(child).resume(Ptrace.PTRACE_CONT, 0);
        own.join();
        assertFalse(child.tracee().isStopped());
    }

    @Test
    void killEndsAStop() throws Exception {
        Tracing.attach(init, child, true, 0, 1 << Ptrace.PTRACE_EVENT_FORK);
        Thread own = onItsThread(child, () -> child.tracee().event(Ptrace.PTRACE_EVENT_FORK, 77));
        assertNotNull(waitFor(init, child, 0));
        child.process().kill();
        own.join();
    }

    @Test
    void theTracerLearnsOfAnEndBeforeTheParent() throws ErrnoException {
        Task other = sandbox.link(init);
        other.bindFrames();
        Tracing.attach(other, child, true, 0, 0);
        TestSandbox.exit(child, 3);
        assertNull(waitFor(init, child, Wait.WNOHANG));
        assertEquals(3 << 8, waitFor(other, child, 0).waitStatus());
        assertErrno(Errno.ECHILD, () -> waitFor(other, child, 0));
        assertEquals(3 << 8, waitFor(init, child, 0).waitStatus());
        assertErrno(Errno.ECHILD, () -> waitFor(init, child, 0));
    }

    @Test
    void theParentLearnsOfAnEndWhenTheTracerIsGone() throws ErrnoException {
        Task other = sandbox.link(init);
        Tracing.attach(other, child, true, 0, 0);
        TestSandbox.exit(child, 3);
        TestSandbox.exit(other, 0);
        assertEquals(3 << 8, waitFor(init, child, 0).waitStatus());
    }

    @Test
    void aTracedThreadIsWaitedForAndItsProcessAfterIt() throws ErrnoException {
        Task thread = sandbox.linkThread(child);
        Tracing.attach(init, child, true, 0, 0);
        Tracing.attach(init, thread, true, 0, 0);
        TestSandbox.exit(child, 1);
        TestSandbox.exit(thread, 2);
        assertNull(waitFor(init, child, Wait.WNOHANG), "its thread comes first");
        ChildWait.Found found = waitFor(init, thread, 0);
        assertEquals(thread.tid(), found.pid());
        assertEquals(2 << 8, found.waitStatus());
        assertNull(sandbox.kernel.rootPids().find(found.pid()));
        assertEquals(2 << 8, waitFor(init, child, 0).waitStatus());
        assertErrno(Errno.ECHILD, () -> waitFor(init, child, 0));
    }

    @Test
    void tracerWithExitKillTakesItsTraceesAlong() throws ErrnoException {
        Task other = sandbox.link(init);
        Tracing.attach(other, child, true, 0, Ptrace.PTRACE_O_EXITKILL);
        TestSandbox.exit(other, 0);
        assertTrue(child.process().isExiting());
        assertNull(child.tracee());
    }
}
