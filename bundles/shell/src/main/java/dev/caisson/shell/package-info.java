/** Commands of the operator's shell (Gogo), scope {@code caisson}. */
package dev.caisson.shell;
