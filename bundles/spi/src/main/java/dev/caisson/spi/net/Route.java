package dev.caisson.spi.net;

/**
 * One line of the routing table.
 *
 * @param destination network address, 4 or 16 bytes; never written to
 * @param prefixBits length of its prefix; 0 for the default route
 * @param gateway next hop, or null for a network that is attached directly
 * @param interfaceIndex where packets leave
 * @param table {@code RT_TABLE_*}: 254 main, 255 local
 * @param scope {@code RT_SCOPE_*}
 * @param type {@code RTN_*}: 1 unicast, 2 local
 * @param metric smaller is preferred
 */
public record Route(byte[] destination, int prefixBits, byte[] gateway, int interfaceIndex, int table, int scope, int type, int metric) {}
