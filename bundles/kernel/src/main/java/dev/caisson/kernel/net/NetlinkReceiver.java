package dev.caisson.kernel.net;

import org.osgi.annotation.versioning.ProviderType;

/** A netlink socket to which the kernel sends something that is no answer: the cookies of mq_notify(2). */
@ProviderType
public interface NetlinkReceiver {
    /**
     * Puts a datagram in. Never blocks; a socket that was closed keeps it for nobody.
     *
     * @param datagram never written to afterwards
     */
    void deliver(byte[] datagram);
}
