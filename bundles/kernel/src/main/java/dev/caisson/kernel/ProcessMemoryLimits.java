package dev.caisson.kernel;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Resource;
import dev.caisson.memory.MemoryLimits;

/** The limits of a process, as its address space asks for them. */
record ProcessMemoryLimits(GuestProcess process) implements MemoryLimits {
    @Override
    public long addressSpaceBytes() {
        return process.limits().soft(Resource.RLIMIT_AS);
    }

    @Override
    public long dataBytes() {
        return process.limits().soft(Resource.RLIMIT_DATA);
    }

    @Override
    public long stackBytes() {
        return process.limits().soft(Resource.RLIMIT_STACK);
    }

    @Override
    public long lockedBytes() {
        return process.limits().soft(Resource.RLIMIT_MEMLOCK);
    }

    @Override
    public boolean mayLockAnything() {
        Task leader = process.leader();
        return leader != null && leader.credentials().has(Capability.CAP_IPC_LOCK);
    }
}
