package dev.caisson.kernel;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.Location;
import java.lang.foreign.MemorySegment;

/**
 * What a program's file does to the credentials of who executes it: set-user-ID, set-group-ID and file capabilities, capabilities(7)
 * "Transformation of capabilities during execve".
 *
 * @param credentials those of the new program
 * @param isSecure whether the program has rights that its caller lacks: AT_SECURE
 */
record ProgramCredentials(Credentials credentials, boolean isSecure) {
    private static final String CAPABILITY_XATTR = "security.capability";
    private static final int REVISION_MASK = 0xff000000;
    private static final int REVISION_1 = 0x01000000;
    private static final int REVISION_2 = 0x02000000;
    private static final int REVISION_3 = 0x03000000;
    private static final int EFFECTIVE = 1;

    private record FileCapabilities(long permitted, long inheritable, boolean effective) {
        static final FileCapabilities NONE = new FileCapabilities(0, 0, false);
    }

    /**
     * Computes them.
     *
     * @param task who executes
     * @param program the file that is loaded (of a script, its interpreter)
     * @return the new credentials
     */
    static ProgramCredentials of(Task task, Location program) {
        Credentials old = task.credentials();
        CredentialEdit edit = new CredentialEdit(old);
        boolean mayGain = !task.noNewPrivileges() && (program.mount().flags() & Mount.MS_NOSUID) == 0;
        FileCapabilities file = FileCapabilities.NONE;
        if (mayGain) {
            Inode inode = program.inode();
            int mode = inode.mode();
            if ((mode & Stat.S_ISUID) != 0) {
                edit.euid = inode.uid();
            }
            if ((mode & (Stat.S_ISGID | Stat.S_IXGRP)) == (Stat.S_ISGID | Stat.S_IXGRP)) {
                edit.egid = inode.gid();
            }
            file = read(inode);
        }
        boolean setId = edit.euid != old.euid() || edit.egid != old.egid();
        boolean rootCounts = (old.securebits() & CredentialEdit.SECBIT_NOROOT) == 0;
        boolean hasFileCapabilities = file != FileCapabilities.NONE;
        long ambient = setId || hasFileCapabilities ? 0 : old.ambient();
        long filePermitted = file.permitted;
        long fileInheritable = file.inheritable;
        boolean fileEffective = file.effective;
        // A set-user-ID-root program with file capabilities, run by somebody else, gets just these.
        boolean dumbSetuid = hasFileCapabilities && edit.euid == 0 && old.uid() != 0;
        if (rootCounts && !dumbSetuid) {
            if (edit.euid == 0 || old.uid() == 0) {
                filePermitted = -1;
                fileInheritable = -1;
            }
            if (edit.euid == 0) {
                fileEffective = true;
            }
        }
        edit.permitted = (filePermitted & old.bounding() | fileInheritable & old.inheritable() | ambient) & Credentials.ALL_CAPABILITIES;
        Tracee tracee = task.tracee();
        if (tracee != null && !tracee.isTracerPowerful() && (setId || (edit.permitted & ~old.permitted()) != 0)) {
            // Who traces the program could do with its rights as it likes.
            if (!old.has(Capability.CAP_SETUID)) {
                edit.euid = old.uid();
                edit.egid = old.gid();
            }
            edit.permitted &= old.permitted();
        }
        edit.effective = fileEffective ? edit.permitted : ambient;
        edit.ambient = ambient;
        edit.suid = edit.euid;
        edit.fsuid = edit.euid;
        edit.sgid = edit.egid;
        edit.fsgid = edit.egid;
        edit.securebits &= ~CredentialEdit.SECBIT_KEEP_CAPS;
        boolean secure = setId || edit.euid != old.uid() || edit.egid != old.gid()
                || old.uid() != 0 && (fileEffective && hasFileCapabilities || (edit.permitted & ~ambient) != 0);
        return new ProgramCredentials(edit.build(), secure);
    }

    /** struct vfs_cap_data: magic_etc[4], then permitted[4] inheritable[4] once or twice; version 3 adds rootid[4]. */
    private static FileCapabilities read(Inode inode) {
        byte[] value;
        try {
            value = inode.getXattr(CAPABILITY_XATTR);
        } catch (ErrnoException none) {
            return FileCapabilities.NONE;
        }
        if (value.length < 12) {
            return FileCapabilities.NONE;
        }
        MemorySegment bytes = MemorySegment.ofArray(value);
        int magic = bytes.get(Layouts.U32, 0);
        int revision = magic & REVISION_MASK;
        long permitted = Integer.toUnsignedLong(bytes.get(Layouts.U32, 4));
        long inheritable = Integer.toUnsignedLong(bytes.get(Layouts.U32, 8));
        if (revision == REVISION_2 && value.length == 20 || revision == REVISION_3 && value.length == 24) {
            permitted |= Integer.toUnsignedLong(bytes.get(Layouts.U32, 12)) << 32;
            inheritable |= Integer.toUnsignedLong(bytes.get(Layouts.U32, 16)) << 32;
            if (revision == REVISION_3 && bytes.get(Layouts.U32, 20) != 0) {
                return FileCapabilities.NONE;
            }
        } else if (revision != REVISION_1) {
            return FileCapabilities.NONE;
        }
        return new FileCapabilities(permitted, inheritable, (magic & EFFECTIVE) != 0);
    }
}
