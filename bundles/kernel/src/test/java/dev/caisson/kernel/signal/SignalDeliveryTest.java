package dev.caisson.kernel.signal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.SignalStack;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalDelivery.Outcome;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class SignalDeliveryTest {
    private static final long HANDLER = 0x401000;
    private static final long RESTORER = 0x402000;

    private final FakeOwner owner = new FakeOwner();
    private final ProcessSignals process = new ProcessSignals(owner, new SignalHandlers(), false);
    private final FakeThread thread = new FakeThread(1, process);

    private void handle(int signal, int flags) {
        handle(signal, flags, 0);
    }

    private void handle(int signal, int flags, long mask) {
        process.setAction(signal,
                new SignalAction(HANDLER + signal, Integer.toUnsignedLong(flags | Signals.SA_RESTORER), RESTORER, mask));
    }

    private void send(int signal) {
        process.send(SignalInfo.sent(signal, SignalCodes.SI_USER, 5, 6), null, false);
    }

    private Outcome deliver() {
        return SignalDelivery.deliver(thread.signals);
    }

    @Nested
    class Handlers {
        @Test
        void aHandlerGetsNumberInformationAndContext() {
            handle(Signals.SIGUSR1, Signals.SA_SIGINFO);
            long sp = thread.registers.rsp();
            thread.registers.r12(0x1212);
            thread.registers.eflags(0x746);
            send(Signals.SIGUSR1);
            assertTrue(thread.signals.hasWork());
            assertEquals(Outcome.RUN, deliver());
            assertFalse(thread.signals.hasWork());

            long frame = thread.registers.rsp();
            assertEquals(8, frame & 15);
            assertTrue(frame + SignalFrame.FRAME_BYTES <= sp - 128 - FakeThread.FPU_BYTES);
            assertEquals(HANDLER + Signals.SIGUSR1, thread.registers.rip());
            assertEquals(Signals.SIGUSR1, thread.registers.rdi());
            assertEquals(frame + SignalFrame.INFO, thread.registers.rsi());
            assertEquals(frame + SignalFrame.UC_FLAGS, thread.registers.rdx());
            assertEquals(0, thread.registers.rax());
            assertEquals(0x246, thread.registers.eflags());
            assertEquals(RESTORER, thread.word(frame));
            assertEquals(7, thread.word(frame + SignalFrame.UC_FLAGS));
            assertEquals(sp, thread.word(frame + SignalFrame.CONTEXT + 120));
            assertEquals(0x400000, thread.word(frame + SignalFrame.CONTEXT + SignalFrame.SC_RIP));
            assertEquals(0x1212, thread.word(frame + SignalFrame.CONTEXT + 32));
            assertEquals(0x0000000600000005L, thread.word(frame + SignalFrame.INFO + 16));
            long fx = thread.word(frame + SignalFrame.CONTEXT + SignalFrame.SC_FPSTATE);
            assertEquals(0, fx & 63);
            assertEquals(SignalFrame.MAGIC1, (int) thread.word(fx + SignalFrame.FX_SOFTWARE));
            assertEquals(7, thread.word(fx + SignalFrame.FX_SOFTWARE + 8));
            assertEquals(SignalFrame.MAGIC2, thread.memory.get(Layouts.U32, fx + FakeThread.FPU_BYTES - FakeThread.BASE));
        }

        @Test
        void returningRestoresEverything() {
            handle(Signals.SIGUSR1, 0, SignalSets.bit(Signals.SIGHUP));
            long sp = thread.registers.rsp();
            thread.registers.rbx(0xbbbb);
            thread.registers.rax(0xaaaa);
            thread.fpu.set(Layouts.U64, 160, 0xf00d);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(SignalSets.bit(Signals.SIGHUP) | SignalSets.bit(Signals.SIGUSR1), thread.signals.mask());

            thread.registers.rbx(1);
            thread.fpu.set(Layouts.U64, 160, 0);
            thread.registers.rsp(thread.registers.rsp() + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(0, thread.signals.mask());
            assertEquals(sp, thread.registers.rsp());
            assertEquals(0xbbbb, thread.registers.rbx());
            assertEquals(0xaaaa, thread.registers.rax());
            assertEquals(0x400000, thread.registers.rip());
            assertEquals(0xf00d, thread.fpu.get(Layouts.U64, 160));
            assertFalse(thread.signals.hasWork());
        }

        @Test
        void aProgramCannotForgeSelectorsOrSystemFlags() {
            handle(Signals.SIGUSR1, 0);
            send(Signals.SIGUSR1);
            deliver();
            long frame = thread.registers.rsp();
            long eflags = frame + SignalFrame.CONTEXT + SignalFrame.SC_EFLAGS;
            thread.word(eflags, -1L);
            thread.registers.eflags(0x202);
            thread.registers.rsp(frame + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(0x202 | 0x50DD5, thread.registers.eflags());

            send(Signals.SIGUSR1);
            deliver();
            frame = thread.registers.rsp();
            thread.memory.set(Layouts.U16, frame + SignalFrame.CONTEXT + SignalFrame.SC_CS - FakeThread.BASE, (short) 0x10);
            thread.registers.rsp(frame + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(Outcome.EXIT_GROUP, deliver());
            assertEquals(Signals.SIGSEGV, process.endStatus());
        }

        @Test
        void aBadFpuImageIsASegmentationFault() {
            handle(Signals.SIGUSR1, 0);
            send(Signals.SIGUSR1);
            deliver();
            long frame = thread.registers.rsp();
            long fx = thread.word(frame + SignalFrame.CONTEXT + SignalFrame.SC_FPSTATE);
            thread.word(fx + 520, 1); // xcomp_bv
            thread.registers.rsp(frame + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(Outcome.EXIT_GROUP, deliver());
        }

        @Test
        void withoutMagicOnlyTheLegacyPartCounts() {
            handle(Signals.SIGUSR1, 0);
            send(Signals.SIGUSR1);
            deliver();
            long frame = thread.registers.rsp();
            long fx = thread.word(frame + SignalFrame.CONTEXT + SignalFrame.SC_FPSTATE);
            thread.word(fx + SignalFrame.FX_SOFTWARE, 0);
            thread.word(fx + 520, 1);
            thread.registers.rsp(frame + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(Outcome.RUN, deliver());
            assertEquals(3, thread.fpu.get(Layouts.U64, 512));
        }

        @Test
        void severalSignalsStackInOrderOfTheirNumbers() {
            handle(Signals.SIGUSR1, 0);
            handle(Signals.SIGHUP, 0);
            send(Signals.SIGUSR1);
            send(Signals.SIGHUP);
            deliver();
            // SIGHUP (1) was started first, so SIGUSR1 (10) lies on top and runs first.
            assertEquals(HANDLER + Signals.SIGUSR1, thread.registers.rip());
            assertEquals(HANDLER + Signals.SIGHUP,
                    thread.word(thread.registers.rsp() + SignalFrame.CONTEXT + SignalFrame.SC_RIP));
        }

        @Test
        void aBlockedSignalWaitsForItsHandlerToReturn() {
            handle(Signals.SIGUSR1, 0);
            send(Signals.SIGUSR1);
            deliver();
            send(Signals.SIGUSR1);
            assertEquals(SignalSets.bit(Signals.SIGUSR1), thread.signals.pendingBlocked());
            assertFalse(thread.signals.hasWork());
            thread.registers.rsp(thread.registers.rsp() + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertTrue(thread.signals.hasWork());
        }

        @Test
        void resetHandOnlyRunsOnce() {
            handle(Signals.SIGUSR1, Signals.SA_RESETHAND | Signals.SA_NODEFER);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(0, thread.signals.mask());
            assertTrue(process.handlers().action(Signals.SIGUSR1).isDefault());
        }

        @Test
        void withoutRestorerTheProgramDies() {
            process.setAction(Signals.SIGUSR1, new SignalAction(HANDLER, 0, 0, 0));
            send(Signals.SIGUSR1);
            assertEquals(Outcome.EXIT_GROUP, deliver());
            assertEquals(Signals.SIGSEGV, process.endStatus());
        }

        @Test
        void aFullStackIsASegmentationFaultThatAnAlternateStackCanTake() throws Exception {
            handle(Signals.SIGSEGV, Signals.SA_ONSTACK);
            handle(Signals.SIGUSR1, 0);
            thread.signals.changeStack(new SignalStack(FakeThread.BASE + 0x4000, 0, 0x4000), thread.registers.rsp(), 2048);
            thread.registers.rsp(0x100);
            send(Signals.SIGUSR1);
            assertEquals(Outcome.RUN, deliver());
            assertEquals(HANDLER + Signals.SIGSEGV, thread.registers.rip());
            assertTrue(thread.signals.isWithinAlternateStack(thread.registers.rsp()));
        }
    }

    @Nested
    class AlternateStack {
        @Test
        void overflowingItKills() throws Exception {
            handle(Signals.SIGUSR1, Signals.SA_ONSTACK | Signals.SA_NODEFER);
            handle(Signals.SIGSEGV, Signals.SA_ONSTACK);
            thread.signals.changeStack(new SignalStack(FakeThread.BASE, 0, 2048), thread.registers.rsp(), 2048);
            send(Signals.SIGUSR1);
            assertEquals(Outcome.RUN, deliver());
            send(Signals.SIGUSR1);
            assertEquals(Outcome.EXIT_GROUP, deliver());
            assertEquals(Signals.SIGSEGV, process.endStatus());
        }

        @Test
        void autoDisarmForgetsItUntilTheHandlerReturns() throws Exception {
            handle(Signals.SIGUSR1, Signals.SA_ONSTACK);
            SignalStack stack = new SignalStack(FakeThread.BASE, Signals.SS_AUTODISARM, 0x4000);
            thread.signals.changeStack(stack, thread.registers.rsp(), 2048);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(Signals.SS_DISABLE, thread.signals.reportStack(thread.registers.rsp()).flags());
            thread.registers.rsp(thread.registers.rsp() + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(stack, thread.signals.alternateStack());
        }

        @Test
        void aThreadOnItMayNotChangeIt() throws Exception {
            thread.signals.changeStack(new SignalStack(FakeThread.BASE, 0, 0x4000), thread.registers.rsp(), 2048);
            try {
                thread.signals.changeStack(SignalStack.NONE, FakeThread.BASE + 0x100, 2048);
                throw new AssertionError("EPERM expected");
            } catch (dev.caisson.abi.ErrnoException e) {
                assertEquals(Errno.EPERM, e.errno());
            }
        }
    }

    @Nested
    class Restarts {
        private void interrupted(Errno code) {
            thread.registers.origRax(35);
            thread.registers.rax(-code.number());
            thread.registers.rip(0x400002);
        }

        private long savedRax() {
            return thread.word(thread.registers.rsp() + SignalFrame.CONTEXT + 104);
        }

        private long savedRip() {
            return thread.word(thread.registers.rsp() + SignalFrame.CONTEXT + SignalFrame.SC_RIP);
        }

        @Test
        void withoutSignalTheCallIsRepeated() {
            interrupted(Errno.ERESTARTSYS);
            assertEquals(Outcome.RUN, deliver());
            assertEquals(35, thread.registers.rax());
            assertEquals(0x400000, thread.registers.rip());
        }

        @Test
        void aRestartBlockIsRepeatedThroughRestartSyscall() {
            interrupted(Errno.ERESTART_RESTARTBLOCK);
            deliver();
            assertEquals(219, thread.registers.rax());
        }

        @Test
        void aHandlerWithRestartRepeatsTheCallAfterwards() {
            handle(Signals.SIGUSR1, Signals.SA_RESTART);
            interrupted(Errno.ERESTARTSYS);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(35, savedRax());
            assertEquals(0x400000, savedRip());
        }

        @Test
        void aHandlerWithoutRestartMakesItFail() {
            handle(Signals.SIGUSR1, 0);
            interrupted(Errno.ERESTARTSYS);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(-Errno.EINTR.number(), savedRax());
            assertEquals(0x400002, savedRip());
        }

        @Test
        void someCallsFailWhateverTheHandlerSays() {
            handle(Signals.SIGUSR1, Signals.SA_RESTART);
            interrupted(Errno.ERESTARTNOHAND);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(-Errno.EINTR.number(), savedRax());
        }

        @Test
        void othersAreRepeatedWhateverTheHandlerSays() {
            handle(Signals.SIGUSR1, 0);
            interrupted(Errno.ERESTARTNOINTR);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(35, savedRax());
        }

        @Test
        void sigsuspendStoresTheOldMaskInTheFrame() {
            handle(Signals.SIGUSR1, 0);
            thread.signals.setMask(SignalSets.bit(Signals.SIGUSR1));
            thread.signals.suspendWith(SignalSets.bit(Signals.SIGHUP));
            interrupted(Errno.ERESTARTNOHAND);
            send(Signals.SIGUSR1);
            deliver();
            assertEquals(SignalSets.bit(Signals.SIGUSR1), thread.word(thread.registers.rsp() + SignalFrame.UC_SIGMASK));
            assertEquals(SignalSets.bit(Signals.SIGHUP) | SignalSets.bit(Signals.SIGUSR1), thread.signals.mask());
            thread.registers.rsp(thread.registers.rsp() + 8);
            SignalDelivery.returnFromHandler(thread.signals);
            assertEquals(SignalSets.bit(Signals.SIGUSR1), thread.signals.mask());
        }
    }
}
