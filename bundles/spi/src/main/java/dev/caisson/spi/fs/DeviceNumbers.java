package dev.caisson.spi.fs;

/** Device numbers in the encoding of {@code makedev(3)}: 12 bits major, 20 bits minor. */
public final class DeviceNumbers {
    private DeviceNumbers() {}

    /**
     * Joins the parts.
     *
     * @param major major number
     * @param minor minor number
     * @return the encoded number
     */
    public static long of(int major, int minor) {
        return (minor & 0xffL) | (major & 0xfffL) << 8 | (minor & 0xfff00L) << 12;
    }

    /**
     * The major part.
     *
     * @param device encoded number
     * @return major number
     */
    public static int major(long device) {
        return (int) (device >>> 8 & 0xfff);
    }

    /**
     * The minor part.
     *
     * @param device encoded number
     * @return minor number
     */
    public static int minor(long device) {
        return (int) (device & 0xff | device >>> 12 & 0xfff00);
    }
}
