/** Conformance kit of filesystems: extend {@link dev.caisson.testing.fs.FileSystemContractTest} and give it fresh instances. */
package dev.caisson.testing.fs;
