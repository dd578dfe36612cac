package dev.caisson.platform.kvm;

/** Why this host's KVM cannot be used, in one line that says what to do. */
public final class KvmUnusableException extends Exception {
    private static final long serialVersionUID = 1;

    /**
     * Says why.
     *
     * @param message one line
     */
    public KvmUnusableException(String message) {
        super(message);
    }
}
