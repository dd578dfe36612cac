/** What unit tests of several bundles share: checks of errors, patience, memory as programs give it, sockets as a program sees them. */
package dev.caisson.testing.kit;
