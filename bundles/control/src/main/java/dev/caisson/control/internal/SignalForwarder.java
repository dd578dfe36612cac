package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSignal;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.TerminalGroup;
import dev.caisson.spi.wait.HostWatcher;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes signals that this process gets on to the guest: those that the terminal generates to the guest's foreground process
 * group, SIGCONT to the process group of process 1, all others to process 1. bin/caisson has blocked them in every thread, so that
 * they can be read from a signalfd.
 */
public final class SignalForwarder implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(SignalForwarder.class);

    private static final int[] SIGNALS = {
        Signals.SIGHUP, Signals.SIGINT, Signals.SIGQUIT, Signals.SIGTERM, Signals.SIGUSR1, Signals.SIGUSR2, Signals.SIGTSTP,
        Signals.SIGTTIN, Signals.SIGTTOU, Signals.SIGCONT, Signals.SIGWINCH, Signals.SIGALRM,
    };
    /** {@code struct signalfd_siginfo}: u32 ssi_signo at 0, s32 ssi_errno at 4, s32 ssi_code at 8; signalfd(2). */
    private static final int INFO_BYTES = 128;
    private static final int CODE = 8;
    private static final int SI_KERNEL = 0x80;
    private static final int SFD_NONBLOCK = 0x800;
    private static final int EPOLLIN = 1;

    private final Target target;
    private final int descriptor;
    private final MemorySegment info = Arena.ofAuto().allocate(INFO_BYTES, 8);
    private final HostWatcher.Registration registration;

    /** Who gets the signals that are nobody's in particular. */
    public interface Target {
        /** {@return the first program's process, or null when there is none} */
        GuestProcess process();

        /**
         * Passes a signal that is for the first program.
         *
         * @param signal its number
         */
        void signal(int signal);
    }

    private SignalForwarder(Kernel kernel, Target target, int descriptor) throws ErrnoException {
        this.target = target;
        this.descriptor = descriptor;
        this.registration = kernel.hostEvents().register(descriptor, EPOLLIN, events -> readAll());
    }

    /**
     * Starts to forward.
     *
     * @param kernel whose guests get the signals
     * @return the forwarder, or null when the signals are not blocked, so that their default action ends this process
     * @throws ErrnoException EMFILE and others, as the host says
     */
    static SignalForwarder start(Kernel kernel) throws ErrnoException {
        return start(kernel, new Target() {
            @Override
            public GuestProcess process() {
                return kernel.init();
            }

            @Override
            public void signal(int signal) {
                kernel.signalInit(signal);
            }
        });
    }

    /**
     * Starts to forward to one of several programs.
     *
     * @param kernel whose guests get the signals
     * @param target which of them
     * @return the forwarder, or null when the signals are not blocked, so that their default action ends this process
     * @throws ErrnoException EMFILE and others, as the host says
     */
    public static SignalForwarder start(Kernel kernel, Target target) throws ErrnoException {
        long mask = 0;
        for (int signal : SIGNALS) {
            mask |= 1L << signal - 1;
        }
        if ((blocked() & mask) != mask) {
            log.warn("signals are not forwarded to the program: env(1) cannot block them (coreutils 8.31 or newer can)");
            return null;
        }
        return new SignalForwarder(kernel, target, (int) Errno.check(HostSignal.descriptor(-1, mask, SFD_NONBLOCK)));
    }

    private static long blocked() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1)) {
                if (line.startsWith("SigBlk:")) {
                    return Long.parseUnsignedLong(line.substring(7).trim(), 16);
                }
            }
        } catch (IOException e) {
            log.debug("cannot read /proc/self/status", e);
        }
        return 0;
    }

    private void readAll() {
        while (HostFile.read(descriptor, info.address(), INFO_BYTES) == INFO_BYTES) {
            int signal = info.get(Layouts.U32, 0);
            forward(signal, info.get(Layouts.U32, CODE) == SI_KERNEL);
        }
    }

    private void forward(int signal, boolean isFromTerminal) {
        log.debug("forwarding signal={} isFromTerminal={}", signal, isFromTerminal);
        if (signal == Signals.SIGCONT) {
            continueJob();
            return;
        }
        TerminalGroup foreground = isFromTerminal || signal == Signals.SIGWINCH ? foreground() : null;
        if (foreground != null) {
            foreground.signal(signal);
        } else {
            target.signal(signal);
        }
    }

    /** A shell continues a whole job, as its terminal stopped it; what it knows of the job is this one process. */
    private void continueJob() {
        GuestProcess init = target.process();
        if (init != null && init.group() != null) {
            init.group().signal(Signals.SIGCONT);
        }
    }

    private TerminalGroup foreground() {
        GuestProcess init = target.process();
        ControllingTerminal terminal = init == null || init.session() == null ? null : init.session().terminal();
        return terminal == null ? null : terminal.foreground();
    }

    @Override
    public void close() {
        registration.close();
        HostFile.close(descriptor);
    }
}
