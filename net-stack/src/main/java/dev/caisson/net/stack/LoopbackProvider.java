package dev.caisson.net.stack;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.net.Route;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketStatus;
import java.util.List;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** The network {@code none}: loopback only. */
@Component(service = NetworkStack.class, property = NetworkStack.NAME + "=none")
public final class LoopbackProvider implements NetworkStack {
    private final LoopbackStack stack = new LoopbackStack();

    /** Makes the network. */
    @Activate
    public LoopbackProvider() {}

    @Override
    public String name() {
        return stack.name();
    }

    @Override
    public SocketFile create(int family, int type, int protocol, SocketCaller caller) throws ErrnoException {
        return stack.create(family, type, protocol, caller);
    }

    @Override
    public List<NetworkInterface> interfaces() {
        return stack.interfaces();
    }

    @Override
    public List<Route> routes() {
        return stack.routes();
    }

    @Override
    public List<SocketStatus> sockets() {
        return stack.sockets();
    }

    @Override
    public NetworkStack newNamespace() {
        return stack.newNamespace();
    }
}
