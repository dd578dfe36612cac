#!/bin/bash
# /proc/PID/maps, smaps and smaps_rollup of a program with a thousand mappings: every row in its column, every mapping in each of the files.
cat >maps.py <<'P'
import ctypes, mmap, re
size = 4096 * 2000
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc = ctypes.CDLL(None)
for page in range(0, 2000, 4):
    memory[page * 4096] = 1
for page in range(0, 2000, 2):
    libc.madvise(ctypes.c_void_p(base + page * 4096), ctypes.c_size_t(4096), 16)  # MADV_DONTDUMP splits a mapping
head = re.compile(r'([0-9a-f]{8,16})-([0-9a-f]{8,16}) [r-][w-][x-][ps] [0-9a-f]{8,} [0-9a-f]{2,}:[0-9a-f]{2,} \d+ *(\S.*)?$')
row = re.compile(r'([A-Za-z_]+): +(\d+) kB$')
def inside(line):
    start, end = (int(each, 16) for each in line.split(' ')[0].split('-'))
    return base <= start and end <= base + size
maps = [line for line in open('/proc/self/maps') if inside(line)]
print('mappings', len(maps), all(head.match(line) for line in maps))
found, rows, widths, size_kib, dump = 0, 0, set(), 0, 0
ours = False
for line in open('/proc/self/smaps'):
    if head.match(line):
        ours = inside(line)
        found += ours
    elif ours and row.match(line):
        name, kib = row.match(line).groups()
        widths.add(len(line))
        size_kib += int(kib) if name == 'Size' else 0
        rows += name in ('Size', 'Rss', 'Pss', 'Swap', 'Locked')
    elif ours and line.startswith('VmFlags:'):
        dump += ' dd' in line
print('smaps', found, rows, sorted(widths), size_kib, dump)
rollup = open('/proc/self/smaps_rollup').read().splitlines()
print('rollup', rollup[0][73:], bool(head.match(rollup[0])), all(row.match(line) and len(line) == 27 for line in rollup[1:]))
columns = {line.find(line.split(' ', 5)[5].strip()) for line in open('/proc/self/maps') if line.split(' ', 5)[5].strip().startswith('/')}
print('names in column', sorted(columns))
P
python3 maps.py
