package dev.caisson.kernel.signal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.SignalStack;
import dev.caisson.kernel.futex.RobustList;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Compares offsets with what a C compiler says; the program is signal-layout.c beside the dump. */
class SignalLayoutTest {
    private final Map<String, Integer> golden = golden();

    private static Map<String, Integer> golden() {
        Map<String, Integer> offsets = new HashMap<>();
        try (InputStream dump = SignalLayoutTest.class.getResourceAsStream("signal-layout.amd64.txt")) {
            String text = new String(dump.readAllBytes(), StandardCharsets.US_ASCII);
            for (String line : text.split("\n")) {
                int space = line.lastIndexOf(' ');
                offsets.put(line.substring(0, space), Integer.parseInt(line.substring(space + 1)));
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return offsets;
    }

    @Test
    void signalFrameHasLinuxOffsets() {
        assertEquals(golden.get("sizeof rt_sigframe"), SignalFrame.FRAME_BYTES);
        assertEquals(golden.get("rt_sigframe.uc.uc_flags"), SignalFrame.UC_FLAGS);
        assertEquals(golden.get("rt_sigframe.uc.uc_stack"), SignalFrame.UC_STACK);
        assertEquals(golden.get("rt_sigframe.uc.uc_mcontext"), SignalFrame.CONTEXT);
        assertEquals(golden.get("rt_sigframe.uc.uc_sigmask"), SignalFrame.UC_SIGMASK);
        assertEquals(golden.get("rt_sigframe.info"), SignalFrame.INFO);
        assertEquals(golden.get("sigcontext.rip"), SignalFrame.SC_RIP);
        assertEquals(golden.get("sigcontext.eflags"), SignalFrame.SC_EFLAGS);
        assertEquals(golden.get("sigcontext.cs"), SignalFrame.SC_CS);
        assertEquals(golden.get("sigcontext.ss"), SignalFrame.SC_SS);
        assertEquals(golden.get("sigcontext.err"), SignalFrame.SC_ERR);
        assertEquals(golden.get("sigcontext.trapno"), SignalFrame.SC_TRAPNO);
        assertEquals(golden.get("sigcontext.oldmask"), SignalFrame.SC_OLDMASK);
        assertEquals(golden.get("sigcontext.cr2"), SignalFrame.SC_CR2);
        assertEquals(golden.get("sigcontext.fpstate"), SignalFrame.SC_FPSTATE);
        assertEquals(golden.get("_fpstate_64.sw_reserved"), SignalFrame.FX_SOFTWARE);
        assertEquals(golden.get("sizeof robust_list_head"), (int) RobustList.HEAD_BYTES);
    }

    @Test
    void signalInformationHasLinuxOffsets() {
        MemorySegment image = Arena.ofAuto().allocate(SignalInfo.BYTES);
        SignalInfo.CODEC.write(image, 0, SignalInfo.child(17, 1, 11, 12, 13, 14, 15));
        assertEquals(golden.get("sizeof siginfo_t"), SignalInfo.CODEC.sizeBytes());
        assertEquals(17, image.get(Layouts.U32, golden.get("siginfo.si_signo")));
        assertEquals(1, image.get(Layouts.U32, golden.get("siginfo.si_code")));
        assertEquals(11, image.get(Layouts.U32, golden.get("siginfo._sifields._kill._pid")));
        assertEquals(12, image.get(Layouts.U32, golden.get("siginfo._sifields._kill._uid")));
        assertEquals(13, image.get(Layouts.U32, golden.get("siginfo._sifields._sigchld._status")));
        assertEquals(14, image.get(Layouts.U64, golden.get("siginfo._sifields._sigchld._utime")));
        assertEquals(15, image.get(Layouts.U64, golden.get("siginfo._sifields._sigchld._stime")));

        SignalInfo.CODEC.write(image, 0, SignalInfo.timer(14, 21, 22, 23));
        assertEquals(22, image.get(Layouts.U32, golden.get("siginfo._sifields._timer._overrun")));
        assertEquals(23, image.get(Layouts.U64, golden.get("siginfo._sifields._timer._sigval")));

        SignalInfo.CODEC.write(image, 0, SignalInfo.io(29, 1, 31, 32));
        assertEquals(31, image.get(Layouts.U64, golden.get("siginfo._sifields._sigpoll._band")));
        assertEquals(32, image.get(Layouts.U32, golden.get("siginfo._sifields._sigpoll._fd")));
    }

    @Test
    void signalfdRecordHasLinuxOffsets() {
        MemorySegment image = Arena.ofAuto().allocate(SignalFile.BYTES);
        assertEquals(golden.get("sizeof signalfd_siginfo"), SignalFile.BYTES);
        SignalFile.encode(image, SignalInfo.child(17, 1, 11, 12, 13, 14, 15));
        assertEquals(13, image.get(Layouts.U32, golden.get("signalfd_siginfo.ssi_status")));
        assertEquals(14, image.get(Layouts.U64, golden.get("signalfd_siginfo.ssi_utime")));
        image.fill((byte) 0);
        SignalFile.encode(image, SignalInfo.timer(14, 21, 22, 23));
        assertEquals(21, image.get(Layouts.U32, golden.get("signalfd_siginfo.ssi_tid")));
        assertEquals(22, image.get(Layouts.U32, golden.get("signalfd_siginfo.ssi_overrun")));
        assertEquals(23, image.get(Layouts.U32, golden.get("signalfd_siginfo.ssi_int")));
        assertEquals(23, image.get(Layouts.U64, golden.get("signalfd_siginfo.ssi_ptr")));
        image.fill((byte) 0);
        SignalFile.encode(image, SignalInfo.fault(11, 1, 77));
        assertEquals(77, image.get(Layouts.U64, golden.get("signalfd_siginfo.ssi_addr")));
    }

    @Test
    void alternateStackHasLinuxSize() {
        assertEquals(golden.get("sizeof stack_t"), SignalStack.CODEC.sizeBytes());
    }
}
