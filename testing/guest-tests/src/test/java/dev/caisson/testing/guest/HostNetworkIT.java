package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The network host: sockets of the host's kernel, in the network namespace of the container. */
final class HostNetworkIT {
    private BusyboxBundle bundle;

    @BeforeEach
    void makeBundle() throws IOException {
        bundle = BusyboxBundle.make();
        for (String name : new String[] {"nc", "ip", "ifconfig", "netstat", "route", "cut", "sort", "wc"}) {
            Files.createSymbolicLink(bundle.directory.resolve("b/rootfs/bin/" + name), Path.of("busybox"));
        }
    }

    @AfterEach
    void clear() throws IOException, InterruptedException {
        bundle.close();
    }

    @Test
    void aContainerServesALowPortOfTheNamespaceItIsGiven() throws IOException, InterruptedException {
        bundle.configure("echo answer | nc -l -p 80; sleep 1000", ",\"sysctl\":{\"net.ipv4.ip_unprivileged_port_start\":\"0\"}", "");
        assumeTrue(Runner.shell("test $(id -u) = 0 && unshare -n true").status() == 0, "network namespaces take root");
        Outcome outcome = bundle.shell("""
                unshare -n sh -c 'ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || busybox ifconfig lo up; exec sleep 1000' & holder=$!
                await 'grep -q "^ *lo:" /proc/$holder/net/dev && [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
                await 'nsenter -t $holder -n busybox ifconfig lo | grep -q UP'
                sed "s,{\\"type\\":\\"network\\"},{\\"type\\":\\"network\\"\\,\\"path\\":\\"/proc/$holder/ns/net\\"}," config.json > new; mv new config.json
                $R --network host run -d server </dev/null >../served 2>&1; echo $?
                await 'nsenter -t $holder -n busybox netstat -ltn | grep -q :80'
                $R --network=host exec server sh -c 'ifconfig lo | grep -c LOOPBACK; netstat -ltn | grep -c ":80 "'
                echo hello | nsenter -t $holder -n busybox nc 127.0.0.1 80
                await 'grep -q hello ../served'; cat ../served
                $R --network host delete --force server; kill $holder; wait $holder 2>/dev/null; :
                """);
        assertEquals("0\n1\n1\nanswer\nhello\n", outcome.output(), outcome::toString);
    }

    @Test
    void theLoopbackInterfaceIsUp() throws IOException, InterruptedException {
        bundle.configure("ip link show lo | grep -c UP; (echo one | nc -l -p 2000 & ) ; for i in $(seq 600); do netstat -ltn | grep -q :2000 && break; sleep 0.1; done;"
                + " nc 127.0.0.1 2000 </dev/null", "", "");
        Outcome outcome = bundle.shell("$R --network host run c </dev/null");
        boolean isRoot = Runner.shell("id -u").output().equals("0\n");
        assumeTrue(isRoot, "an ordinary user's namespace has no interface that is up");
        assertEquals("1\none\n", outcome.output(), outcome::toString);
    }

    @Test
    void annotationsMayNotChooseItUnlessTheOperatorSaysSo() throws IOException, InterruptedException {
        bundle.configure("true", "", ",\"annotations\":{\"dev.caisson.network\":\"host\"}");
        Outcome outcome = bundle.shell("$R run c </dev/null; echo $?");
        assertEquals("1\n", outcome.output(), outcome::toString);
        assertEquals("caisson: run c: annotations[\"dev.caisson.network\"]: host is not allowed here; etc/caisson.containers.cfg says network=none\n",
                outcome.errors(), outcome::toString);
    }

    @Test
    void programsWithoutAContainerHaveTheNetworkOfTheCaller() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("""
                cat > /tmp/caisson-host-network.$$ <<'P'
                import socket, threading
                a = socket.socket(); a.bind(("127.0.0.1", 0)); a.listen()
                b = socket.create_connection(a.getsockname()); c, _ = a.accept()
                b.sendall(b"question"); print(c.recv(100).decode())
                c.close(); print(b.recv(1))
                u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0))
                u.sendto(b"to myself", u.getsockname()); print(u.recvfrom(100)[0].decode())
                big = []
                def reader():
                    s, _ = a.accept()
                    n = 0
                    while True:
                        d = s.recv(65536)
                        if not d: break
                        n += len(d)
                    big.append(n)
                t = threading.Thread(target=reader); t.start()
                s = socket.create_connection(a.getsockname()); s.sendall(b"y" * 5000000); s.close(); t.join(); print(big)
                try: socket.create_connection(("127.0.0.1", 1))
                except ConnectionRefusedError: print("refused")
                P
                $CAISSON do --network host -- python3 /tmp/caisson-host-network.$$; rm /tmp/caisson-host-network.$$
                """);
        assertEquals("question\nb''\nto myself\n[5000000]\nrefused\n", outcome.output(), outcome::toString);
    }
}
