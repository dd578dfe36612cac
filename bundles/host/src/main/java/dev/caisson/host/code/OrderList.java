package dev.caisson.host.code;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;

/** Lists of system calls for machine code to make: 64 bytes for each, which begin with its number and six arguments. */
public final class OrderList {
    /** Bytes of an order. */
    public static final int ORDER_BYTES = 64;

    private OrderList() {}

    /**
     * Loads an order into the registers of a system call.
     *
     * @param code to append to
     * @param order has the order's address
     */
    public static void load(Assembler code, Register order) {
        code.load(RAX, order, 0);
        code.load(RDI, order, 8);
        code.load(RSI, order, 16);
        code.load(RDX, order, 24);
        code.load(R10, order, 32);
        code.load(R8, order, 40);
        code.load(R9, order, 48);
    }
}
