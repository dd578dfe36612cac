package dev.caisson.kernel;

/** How a task goes on after a system call that decides about it. */
public sealed interface TaskState {
    /** The states that carry nothing. */
    enum Plain implements TaskState {
        /** Registers are as the guest shall find them: look for pending work, then run the guest. */
        RESUME,
        /** The task leaves; its exit status has been recorded. */
        EXIT
    }

    /** See {@link Plain#RESUME}. */
    TaskState RESUME = Plain.RESUME;

    /** See {@link Plain#EXIT}. */
    TaskState EXIT = Plain.EXIT;
}
