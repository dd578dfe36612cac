package dev.caisson.kernel;

/** A UTS namespace: what uname(2) tells. */
public final class UtsNamespace {
    /** {@code sysname}. */
    public static final String SYSTEM = "Linux";
    /** The Linux release whose interface the sandbox offers. */
    public static final String RELEASE = "6.1.0-caisson";
    /** {@code version}. */
    public static final String VERSION = "#1 SMP PREEMPT_DYNAMIC Caisson";
    /** {@code machine}. */
    public static final String MACHINE = "x86_64";

    private final long id;
    private volatile String hostName;
    private volatile String domainName;

    /**
     * Makes a namespace.
     *
     * @param id inode number of its nsfs link
     * @param hostName nodename, at most 64 bytes
     * @param domainName NIS domain name, at most 64 bytes
     */
    public UtsNamespace(long id, String hostName, String domainName) {
        this.id = id;
        this.hostName = hostName;
        this.domainName = domainName;
    }

    /** {@return inode number of its nsfs link} */
    public long id() {
        return id;
    }

    /** {@return the nodename} */
    public String hostName() {
        return hostName;
    }

    /**
     * Sets the nodename.
     *
     * @param name at most 64 bytes
     */
    public void hostName(String name) {
        hostName = name;
    }

    /** {@return the NIS domain name} */
    public String domainName() {
        return domainName;
    }

    /**
     * Sets the NIS domain name.
     *
     * @param name at most 64 bytes
     */
    public void domainName(String name) {
        domainName = name;
    }
}
