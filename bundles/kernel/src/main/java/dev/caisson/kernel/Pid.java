package dev.caisson.kernel;

/**
 * An identity in the pid space, pid_namespaces(7): one number in each namespace from the task's own up to the root. The number stays taken
 * while a task, process group or session uses it. The links are guarded by the kernel's {@code TASK_SET} lock for writing and may be read
 * without it.
 */
public final class Pid {
    private final PidNamespace namespace;
    /** By level: 0 is the root namespace. */
    private final int[] numbers;

    volatile Task task;
    volatile GuestProcess process;
    volatile ProcessGroup group;
    volatile Session session;

    Pid(PidNamespace namespace, int[] numbers) {
        this.namespace = namespace;
        this.numbers = numbers;
    }

    /** {@return the innermost namespace that knows it} */
    public PidNamespace namespace() {
        return namespace;
    }

    /** {@return the number in its own namespace} */
    public int number() {
        return numbers[numbers.length - 1];
    }

    /** {@return the number in the root namespace} */
    public int rootNumber() {
        return numbers[0];
    }

    /**
     * The number another namespace knows it by.
     *
     * @param viewer the namespace
     * @return the number, or 0 when it is not visible there
     */
    public int in(PidNamespace viewer) {
        if (viewer == namespace) {
            return numbers[numbers.length - 1];
        }
        int level = viewer.level();
        PidNamespace at = namespace;
        while (at.level() > level) {
            at = at.parent();
        }
        return at == viewer ? numbers[level] : 0;
    }

    /**
     * The numbers as the rows NSpid and their like of /proc have them: in the viewer's namespace and in those below it.
     *
     * @param viewer the namespace
     * @return the numbers with tabs between them; 0 when it is not visible there
     */
    public String inEach(PidNamespace viewer) {
        StringBuilder text = new StringBuilder().append(in(viewer));
        if (in(viewer) != 0) {
            for (int level = viewer.level() + 1; level < numbers.length; level++) {
                text.append('\t').append(numbers[level]);
            }
        }
        return text.toString();
    }

    /** {@return the task with this identity, or null} */
    public Task task() {
        return task;
    }

    /** {@return the thread group with this identity, or null} */
    public GuestProcess process() {
        return process;
    }

    /** {@return the process group with this id, or null} */
    public ProcessGroup group() {
        return group;
    }

    /** {@return the session with this id, or null} */
    public Session session() {
        return session;
    }

    /** Gives the numbers back when nobody uses them any more. TASK_SET is held. */
    void releaseIfUnused() {
        if (task == null && process == null && group == null && session == null) {
            PidNamespace at = namespace;
            for (int level = numbers.length - 1; level >= 0; level--) {
                at.forget(numbers[level], this);
                at = at.parent();
            }
        }
    }

    @Override
    public String toString() {
        return Integer.toString(number());
    }
}
