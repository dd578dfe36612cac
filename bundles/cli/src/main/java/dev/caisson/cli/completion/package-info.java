/** Scripts by which shells complete command lines of Caisson, made of the commands' own declarations. */
package dev.caisson.cli.completion;
