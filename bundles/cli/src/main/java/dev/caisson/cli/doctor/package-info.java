/** {@code caisson doctor}: looks at the machine and says what Caisson finds there, what that means and what to do about it. */
package dev.caisson.cli.doctor;
