package dev.caisson.ninep;

/** The messages of 9P2000.L and of the extension; the package's page has their wire lines. */
public enum MessageType {
    TLERROR(6), RLERROR(7),
    TSTATFS(8), RSTATFS(9),
    TLOPEN(12), RLOPEN(13),
    TLCREATE(14), RLCREATE(15),
    TSYMLINK(16), RSYMLINK(17),
    TMKNOD(18), RMKNOD(19),
    TRENAME(20), RRENAME(21),
    TREADLINK(22), RREADLINK(23),
    TGETATTR(24), RGETATTR(25),
    TSETATTR(26), RSETATTR(27),
    TXATTRWALK(30), RXATTRWALK(31),
    TXATTRCREATE(32), RXATTRCREATE(33),
    TREADDIR(40), RREADDIR(41),
    TFSYNC(50), RFSYNC(51),
    TLOCK(52), RLOCK(53),
    TGETLOCK(54), RGETLOCK(55),
    TLINK(70), RLINK(71),
    TMKDIR(72), RMKDIR(73),
    TRENAMEAT(74), RRENAMEAT(75),
    TUNLINKAT(76), RUNLINKAT(77),
    TVERSION(100), RVERSION(101),
    TAUTH(102), RAUTH(103),
    TATTACH(104), RATTACH(105),
    TFLUSH(108), RFLUSH(109),
    TWALK(110), RWALK(111),
    TREAD(116), RREAD(117),
    TWRITE(118), RWRITE(119),
    TCLUNK(120), RCLUNK(121),
    TREMOVE(122), RREMOVE(123),
    /** Extension: walks with the attributes of every step. */
    TWALKGETATTR(200), RWALKGETATTR(201),
    /** Extension: reads a directory with attributes. */
    TREADDIRATTR(202), RREADDIRATTR(203),
    /** Extension: opens or creates in one step, with attributes and a donated descriptor. */
    TOPENAT(204), ROPENAT(205),
    /** Extension: renames with the flags of renameat2(2). */
    TRENAMEAT2(206), RRENAMEAT2(207),
    /** Extension: changes attributes of an entry, and tells what they are then. */
    TSETATTRAT(208), RSETATTRAT(209),
    /** Extension: makes a directory, a link, a pipe or a socket, and tells its attributes. */
    TMAKEAT(210), RMAKEAT(211);

    private static final int FIRST_OF_EXTENSION = 200;
    private static final MessageType[] BY_NUMBER = new MessageType[256];

    static {
        for (MessageType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;

    MessageType(int number) {
        this.number = number;
    }

    /**
     * Finds a type.
     *
     * @param number the byte on the wire, 0 to 255
     * @return the type, or null for a number that has none
     */
    public static MessageType of(int number) {
        return BY_NUMBER[number];
    }

    /** {@return the byte on the wire} */
    public int number() {
        return number;
    }

    /** {@return whether a client sends it} */
    public boolean isRequest() {
        return (number & 1) == 0;
    }

    /** {@return whether it exists only where the extension was negotiated} */
    public boolean isExtension() {
        return number >= FIRST_OF_EXTENSION;
    }

    /** {@return what answers a request that succeeds} */
    public MessageType reply() {
        return BY_NUMBER[number + 1];
    }
}
