package dev.caisson.memory;

import java.util.Arrays;

/** The mappings of an address space in address order. Guarded by the mappings lock. */
final class VmaSet {
    private Vma[] vmas = new Vma[16];
    private int size;

    int size() {
        return size;
    }

    Vma at(int index) {
        return vmas[index];
    }

    /** Index of the first mapping that ends above the address; the size when there is none. */
    int indexFor(long address) {
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = low + high >>> 1;
            if (vmas[middle].end > address) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /** The mapping that contains the address, or null. */
    Vma find(long address) {
        int index = indexFor(address);
        return index < size && vmas[index].start <= address ? vmas[index] : null;
    }

    /** The first mapping that ends above the address, or null. */
    Vma findAtOrAbove(long address) {
        int index = indexFor(address);
        return index < size ? vmas[index] : null;
    }

    void add(Vma vma) {
        int index = indexFor(vma.start);
        if (index < size && vmas[index].start < vma.end) {
            throw new IllegalStateException("mappings overlap");
        }
        if (size == vmas.length) {
            vmas = Arrays.copyOf(vmas, size * 2);
        }
        System.arraycopy(vmas, index, vmas, index + 1, size - index);
        vmas[index] = vma;
        size++;
    }

    void remove(Vma vma) {
        int index = indexFor(vma.start);
        if (index >= size || vmas[index] != vma) {
            throw new IllegalStateException("no such mapping");
        }
        System.arraycopy(vmas, index + 1, vmas, index, size - index - 1);
        vmas[--size] = null;
    }

    boolean isFree(long start, long end) {
        int index = indexFor(start);
        return index >= size || vmas[index].start >= end;
    }
}
