package dev.caisson.mailbox;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The protocol of the package as a transition system: the kernel's side (one task that runs its guest again and again), the stub's
 * side, and an interrupter that interrupts a given number of times. Every step is one access to what they share. Steps of
 * memory are sequentially consistent: all that matters here are locked instructions and volatile accesses.
 */
final class Protocol {
    /** What could have been done wrong. */
    enum Mistake {
        /** The kernel gives the turn by a read and a later write, not by one exchange. */
        KERNEL_GIVES_IN_TWO_STEPS,
        /** The stub gives the turn by a read and a later write. */
        STUB_GIVES_IN_TWO_STEPS,
        /** The kernel sleeps without saying so. */
        KERNEL_SLEEPS_SECRETLY,
        /** The stub says that it sleeps by a plain write. */
        STUB_ANNOUNCES_BLINDLY,
        /** futex(2) is called without the value to compare with. */
        KERNEL_SLEEPS_BLINDLY,
        /** The interrupter looks whether the kernel runs before it sets the flag. */
        INTERRUPTER_LOOKS_FIRST,
        /** The kernel looks at the flag before it says that it runs. */
        KERNEL_LOOKS_FIRST,
        /** A kick that comes while the stub is in its own code is dropped. */
        KICK_IS_DROPPED,
        /** A call that comes with an interrupt ends it untold. */
        ANY_EXIT_CLEARS_THE_FLAG
    }

    /** Kernel: where its next step is. */
    private static final int TOP = 0;
    private static final int SAY_RUNNING = 1;
    private static final int LOOK_AT_FLAG = 2;
    private static final int GIVE = 3;
    private static final int GIVE_LATER = 4;
    private static final int WAKE_STUB = 5;
    private static final int LOOK = 6;
    private static final int ANNOUNCE = 7;
    private static final int FUTEX = 8;
    private static final int ASLEEP = 9;
    private static final int OWN = 10;
    private static final int KERNEL_DONE = 11;

    /** Stub: where its next step is. */
    private static final int WAIT = 0;
    private static final int STUB_ANNOUNCE = 1;
    private static final int STUB_FUTEX = 2;
    private static final int STUB_ASLEEP = 3;
    private static final int IN_GUEST = 4;
    private static final int POST = 5;
    private static final int POST_LATER = 6;
    private static final int WAKE_KERNEL = 7;

    /** Interrupter. */
    private static final int SET_FLAG = 0;
    private static final int LOOK_AND_KICK = 1;
    private static final int LOOKED = 2;

    /** A state of everything. */
    record State(int word, int kernel, int stub, int interrupter, boolean flag, boolean running, boolean kick, boolean byKick,
                 int kernelSaw, int stubSaw, boolean interrupterSaw, int interruptsLeft, int untold) {
        /** Every interrupt has been told; a guest that never calls then runs for ever. */
        boolean isEnd(boolean guestCalls) {
            return guestCalls ? kernel == KERNEL_DONE : untold == 0 && interruptsLeft == 0 && interrupter == SET_FLAG;
        }

        /** The guest runs, or the stub is about to speak for it, while the kernel thinks that the turn is its own. */
        boolean isDoubleRun() {
            boolean kernelOwns = kernel <= GIVE || kernel == OWN || kernel == KERNEL_DONE;
            return kernelOwns && (stub == IN_GUEST || stub == POST || stub == POST_LATER);
        }
    }

    private final Set<Mistake> mistakes;
    private final boolean guestCalls;

    Protocol(boolean guestCalls, Mistake... mistakes) {
        this.guestCalls = guestCalls;
        this.mistakes = EnumSet.noneOf(Mistake.class);
        this.mistakes.addAll(List.of(mistakes));
    }

    /**
     * The beginning: the stub waits, maybe asleep already.
     *
     * @param interrupts how often the interrupter interrupts; the kernel ends when it has been told as often
     */
    State start(int interrupts) {
        return new State(Turn.KERNEL, TOP, WAIT, SET_FLAG, false, false, false, false, 0, 0, false, interrupts, interrupts);
    }

    boolean isEnd(State s) {
        return s.isEnd(guestCalls);
    }

    List<State> next(State s) {
        List<State> all = new ArrayList<>(4);
        kernel(s, all);
        stub(s, all);
        interrupter(s, all);
        return all;
    }

    private boolean has(Mistake mistake) {
        return mistakes.contains(mistake);
    }

    private void kernel(State s, List<State> all) {
        switch (s.kernel) {
            case TOP -> {
                boolean finished = s.interruptsLeft == 0 && s.interrupter == SET_FLAG && s.untold == 0;
                if (finished) {
                    all.add(kernelAt(s, KERNEL_DONE));
                } else if (s.flag) {
                    all.add(told(s));
                } else {
                    all.add(kernelAt(s, has(Mistake.KERNEL_LOOKS_FIRST) ? LOOK_AT_FLAG : SAY_RUNNING));
                }
            }
            case SAY_RUNNING -> all.add(kernelAt(running(s, true), has(Mistake.KERNEL_LOOKS_FIRST) ? GIVE : LOOK_AT_FLAG));
            case LOOK_AT_FLAG -> {
                if (s.flag) {
                    all.add(told(running(s, false)));
                } else {
                    all.add(kernelAt(s, has(Mistake.KERNEL_LOOKS_FIRST) ? SAY_RUNNING : GIVE));
                }
            }
            case GIVE -> {
                if (has(Mistake.KERNEL_GIVES_IN_TWO_STEPS)) {
                    all.add(kernelAt(kernelSaw(s, s.word), GIVE_LATER));
                } else {
                    all.add(kernelAt(word(s, Turn.GUEST), s.word == Turn.KERNEL_AWAITED ? WAKE_STUB : LOOK));
                }
            }
            case GIVE_LATER -> all.add(kernelAt(word(s, Turn.GUEST), s.kernelSaw == Turn.KERNEL_AWAITED ? WAKE_STUB : LOOK));
            case WAKE_STUB -> all.add(kernelAt(s.stub == STUB_ASLEEP ? stubAt(s, WAIT) : s, LOOK));
            case LOOK -> all.add(kernelAt(s, (s.word & Turn.KERNEL) != 0 ? OWN : has(Mistake.KERNEL_SLEEPS_SECRETLY) ? FUTEX : ANNOUNCE));
            case ANNOUNCE -> {
                boolean mine = (s.word & Turn.KERNEL) != 0;
                all.add(kernelAt(s.word == Turn.GUEST ? word(s, Turn.GUEST_AWAITED) : s, mine ? LOOK : FUTEX));
            }
            case FUTEX -> {
                int expected = has(Mistake.KERNEL_SLEEPS_SECRETLY) ? Turn.GUEST : Turn.GUEST_AWAITED;
                all.add(kernelAt(s, s.word == expected || has(Mistake.KERNEL_SLEEPS_BLINDLY) ? ASLEEP : LOOK));
            }
            case OWN -> {
                State after = running(s, false);
                if (has(Mistake.ANY_EXIT_CLEARS_THE_FLAG)) {
                    after = flag(after, false);
                }
                if (!s.byKick) {
                    all.add(kernelAt(after, TOP)); // a call
                } else {
                    all.add(s.flag ? told(after) : kernelAt(after, SAY_RUNNING)); // or a kick that came late
                }
            }
            default -> { } // asleep, or done
        }
    }

    private void stub(State s, List<State> all) {
        switch (s.stub) {
            case WAIT -> all.add(stubAt(s, (s.word & Turn.KERNEL) == 0 ? IN_GUEST : STUB_ANNOUNCE));
            case STUB_ANNOUNCE -> {
                if (has(Mistake.STUB_ANNOUNCES_BLINDLY)) {
                    all.add(stubAt(word(s, Turn.KERNEL_AWAITED), STUB_FUTEX));
                } else {
                    boolean mine = (s.word & Turn.KERNEL) == 0;
                    all.add(stubAt(s.word == Turn.KERNEL ? word(s, Turn.KERNEL_AWAITED) : s, mine ? WAIT : STUB_FUTEX));
                }
            }
            case STUB_FUTEX -> all.add(stubAt(s, s.word == Turn.KERNEL_AWAITED ? STUB_ASLEEP : WAIT));
            case IN_GUEST -> {
                if (s.kick) {
                    all.add(stubAt(kicked(s, false, true), POST));
                }
                if (guestCalls) {
                    all.add(stubAt(kicked(s, s.kick, false), POST));
                }
            }
            case POST -> {
                if (has(Mistake.STUB_GIVES_IN_TWO_STEPS)) {
                    all.add(stubAt(stubSaw(s, s.word), POST_LATER));
                } else {
                    all.add(stubAt(word(s, Turn.KERNEL), s.word == Turn.GUEST_AWAITED ? WAKE_KERNEL : WAIT));
                }
            }
            case POST_LATER -> all.add(stubAt(word(s, Turn.KERNEL), s.stubSaw == Turn.GUEST_AWAITED ? WAKE_KERNEL : WAIT));
            case WAKE_KERNEL -> all.add(stubAt(s.kernel == ASLEEP ? kernelAt(s, LOOK) : s, WAIT));
            default -> { } // asleep
        }
    }

    private void interrupter(State s, List<State> all) {
        boolean looksFirst = has(Mistake.INTERRUPTER_LOOKS_FIRST);
        switch (s.interrupter) {
            case SET_FLAG -> {
                // The next interrupt comes after the one before was told: else they would be one.
                if (s.interruptsLeft > 0 && !s.flag) {
                    all.add(looksFirst ? interrupterAt(s, LOOK_AND_KICK, s.running, s.flag, s.kick, s.interruptsLeft)
                        : interrupterAt(s, LOOK_AND_KICK, false, true, s.kick, s.interruptsLeft));
                }
            }
            case LOOK_AND_KICK -> {
                if (looksFirst) {
                    all.add(interrupterAt(s, LOOKED, s.interrupterSaw, true, s.kick, s.interruptsLeft));
                } else {
                    all.add(interrupterAt(s, SET_FLAG, false, s.flag, kickAfter(s, s.running), s.interruptsLeft - 1));
                }
            }
            default -> all.add(interrupterAt(s, SET_FLAG, false, s.flag, kickAfter(s, s.interrupterSaw), s.interruptsLeft - 1));
        }
    }

    private boolean kickAfter(State s, boolean wanted) {
        return s.kick || wanted && (s.stub == IN_GUEST || !has(Mistake.KICK_IS_DROPPED));
    }

    private static State told(State s) {
        return kernelAt(oneTold(flag(s, false)), TOP);
    }

    private static State oneTold(State s) {
        return new State(s.word, s.kernel, s.stub, s.interrupter, s.flag, s.running, s.kick, s.byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold - 1);
    }

    private static State kernelAt(State s, int at) {
        return new State(s.word, at, s.stub, s.interrupter, s.flag, s.running, s.kick, s.byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State stubAt(State s, int at) {
        return new State(s.word, s.kernel, at, s.interrupter, s.flag, s.running, s.kick, s.byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State word(State s, int word) {
        return new State(word, s.kernel, s.stub, s.interrupter, s.flag, s.running, s.kick, s.byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State flag(State s, boolean flag) {
        return new State(s.word, s.kernel, s.stub, s.interrupter, flag, s.running, s.kick, s.byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State running(State s, boolean running) {
        return new State(s.word, s.kernel, s.stub, s.interrupter, s.flag, running, s.kick, s.byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State kicked(State s, boolean kick, boolean byKick) {
        return new State(s.word, s.kernel, s.stub, s.interrupter, s.flag, s.running, kick, byKick, s.kernelSaw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State kernelSaw(State s, int saw) {
        return new State(s.word, s.kernel, s.stub, s.interrupter, s.flag, s.running, s.kick, s.byKick, saw, s.stubSaw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State stubSaw(State s, int saw) {
        return new State(s.word, s.kernel, s.stub, s.interrupter, s.flag, s.running, s.kick, s.byKick, s.kernelSaw, saw,
            s.interrupterSaw, s.interruptsLeft, s.untold);
    }

    private static State interrupterAt(State s, int at, boolean saw, boolean flag, boolean kick, int left) {
        return new State(s.word, s.kernel, s.stub, at, flag, s.running, kick, s.byKick, s.kernelSaw, s.stubSaw,
            saw, left, s.untold);
    }
}
