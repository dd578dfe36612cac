package dev.caisson.host.code;

/** A place in the code of one {@link Assembler}. */
public final class Label {
    private int offset = -1;

    /** Makes a label that is bound to no place yet. */
    public Label() {}

    void bind(int at) {
        if (offset >= 0) {
            throw new IllegalStateException("label bound twice");
        }
        offset = at;
    }

    /** {@return the offset from the start of the code, in bytes} */
    public int offset() {
        if (offset < 0) {
            throw new IllegalStateException("label not bound");
        }
        return offset;
    }
}
