package dev.caisson.cli;

import org.apache.felix.framework.Logger;
import org.osgi.framework.Bundle;
import org.osgi.framework.ServiceReference;
import org.slf4j.LoggerFactory;

/**
 * What the framework has to say goes where all messages go. By itself it would print to standard output, which is the program's.
 * A framework that is still coming up when the program ends loses its directory then, and its complaints are no news.
 */
final class FrameworkLog extends Logger {
    private static final org.slf4j.Logger log = LoggerFactory.getLogger(FrameworkLog.class);

    private static volatile boolean isSilent;

    /** The process ends, and with it the framework, in whatever state: nothing is logged any more. */
    static void silence() {
        isSilent = true;
    }

    @Override
    @SuppressWarnings("rawtypes") // as it is declared
    protected void doLog(Bundle bundle, ServiceReference reference, int level, String message, Throwable cause) {
        doLog(level, bundle == null ? message : bundle.getSymbolicName() + ": " + message, cause);
    }

    @Override
    protected void doLog(int level, String message, Throwable cause) {
        if (isSilent) {
            return;
        }
        switch (level) {
            case LOG_ERROR -> log.error("framework: {}", message, cause);
            case LOG_WARNING -> log.warn("framework: {}", message, cause);
            default -> log.debug("framework: {}", message, cause);
        }
    }
}
