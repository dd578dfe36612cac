package dev.caisson.cli;

/** Packages of the libraries in lib/ that the system bundle exports to every bundle. */
final class ExportedLibraries {
    /** In the syntax of {@code org.osgi.framework.system.packages.extra}. */
    static final String PACKAGES = String.join(",",
            "org.slf4j;version=2.0.17", "org.slf4j.event;version=2.0.17", "org.slf4j.helpers;version=2.0.17",
            "org.slf4j.spi;version=2.0.17",
            "jnr.ffi;version=2.3.4", "jnr.ffi.annotations;version=2.3.4", "jnr.ffi.byref;version=2.3.4",
            "jnr.ffi.mapper;version=2.3.4", "jnr.ffi.provider;version=2.3.4", "jnr.ffi.provider.jffi;version=2.3.4",
            "jnr.ffi.types;version=2.3.4", "jnr.ffi.util;version=2.3.4",
            "com.kenai.jffi;version=1.4.3", "jnr.x86asm;version=1.0.2");

    private ExportedLibraries() {}
}
