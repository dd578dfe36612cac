package dev.caisson.testing.fs;

/** What the parts of the contract need that look below system calls: a caller on a fresh filesystem mounted at the root. */
public interface ContractSubject extends CaseSubject {
    /** {@return the superuser in the root directory of the filesystem under test} */
    Guest root();
}
