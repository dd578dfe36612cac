package dev.caisson.fs.proc;

/**
 * /proc/net/snmp and netstat: counters of the protocols in the columns of Linux 6.1, net/ipv4/proc.c. Nothing is counted here, so that
 * all are 0; the lines are there because programs read them.
 */
final class ProtocolCounters {
    private static final String UDP = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors";

    /** /proc/net/netstat. */
    static final String EXTENSIONS = line("TcpExt", "SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned "
            + "OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled", "")
            + line("IpExt", "InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets InMcastOctets "
            + "OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps", "");

    private ProtocolCounters() {}

    /** {@return /proc/net/snmp} */
    static String basic(long establishedConnections) {
        return line("Ip", "Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests "
                + "OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates", "2 64")
                + line("Icmp", "InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps "
                + "InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs "
                + "OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps", "")
                + line("Tcp", "RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs "
                + "RetransSegs InErrs OutRsts InCsumErrors", "1 200 120000 -1 0 0 0 0 " + establishedConnections)
                + line("Udp", UDP, "") + line("UdpLite", UDP, "");
    }

    /** Two lines: names, and as many numbers, of which the first are given. */
    private static String line(String protocol, String names, String first) {
        StringBuilder numbers = new StringBuilder(first);
        int given = first.isEmpty() ? 0 : first.split(" ").length;
        for (int i = given; i < names.split(" ").length; i++) {
            numbers.append(numbers.isEmpty() ? "0" : " 0");
        }
        return protocol + ": " + names + "\n" + protocol + ": " + numbers + "\n";
    }
}
