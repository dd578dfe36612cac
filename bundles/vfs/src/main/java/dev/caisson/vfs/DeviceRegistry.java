package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Drivers by device number, for character and block devices. A registration covers a range of minors of one major. */
public final class DeviceRegistry {
    /**
     * One registration.
     *
     * @param isBlock whether for block devices
     * @param name as /proc/devices shows it
     * @param major major number
     * @param firstMinor first minor number
     * @param minorCount how many minors
     * @param driver opens them
     */
    public record Range(boolean isBlock, String name, int major, int firstMinor, int minorCount, DeviceDriver driver) {
        boolean covers(boolean block, int otherMajor, int minor) {
            return isBlock == block && major == otherMajor && minor >= firstMinor && minor - firstMinor < minorCount;
        }
    }

    private final CopyOnWriteArrayList<Range> ranges = new CopyOnWriteArrayList<>();

    /**
     * Registers a character driver.
     *
     * @param name as /proc/devices shows it
     * @param major major number
     * @param firstMinor first minor number
     * @param minorCount how many minors
     * @param driver the driver
     * @throws ErrnoException EEXIST when one of the numbers is taken
     */
    public void registerCharacter(String name, int major, int firstMinor, int minorCount, DeviceDriver driver)
            throws ErrnoException {
        register(new Range(false, name, major, firstMinor, minorCount, driver));
    }

    /**
     * Registers a driver.
     *
     * @param range what it covers
     * @throws ErrnoException EEXIST when one of the numbers is taken
     */
    public synchronized void register(Range range) throws ErrnoException {
        for (Range other : ranges) {
            if (other.isBlock == range.isBlock && other.major == range.major
                    && other.firstMinor < range.firstMinor + range.minorCount
                    && range.firstMinor < other.firstMinor + other.minorCount) {
                throw EEXIST.error("device numbers taken by " + other.name);
            }
        }
        ranges.add(range);
    }

    /**
     * Removes a driver; its open files stay.
     *
     * @param driver the driver
     */
    public void unregister(DeviceDriver driver) {
        ranges.removeIf(range -> range.driver == driver);
    }

    /** {@return all registrations, for /proc/devices} */
    public List<Range> ranges() {
        return new ArrayList<>(ranges);
    }

    /**
     * Opens the device behind a special file.
     *
     * @param inode the special file
     * @param flags {@code O_*}
     * @param opener who opens
     * @return the open file
     * @throws ErrnoException ENXIO when there is no driver
     */
    public OpenFile open(Inode inode, int flags, Caller opener) throws ErrnoException {
        long device = inode.attributes().rawDevice();
        boolean block = (inode.mode() & Stat.S_IFMT) == Stat.S_IFBLK;
        int major = DeviceNumbers.major(device);
        int minor = DeviceNumbers.minor(device);
        for (Range range : ranges) {
            if (range.covers(block, major, minor)) {
                return range.driver.open(inode, device, flags, opener);
            }
        }
        throw ENXIO.error("no driver for this device number");
    }
}
