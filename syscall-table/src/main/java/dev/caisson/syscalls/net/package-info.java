/** Handlers of the socket calls. */
package dev.caisson.syscalls.net;
