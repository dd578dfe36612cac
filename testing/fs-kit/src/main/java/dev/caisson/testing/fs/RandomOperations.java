package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Operations by chance over a few names, done by the host and by a filesystem under test: every result and every error, and now and
 * then the whole tree, must be the same. A difference is reported with the shortest history that shows it, in the language of
 * {@linkplain CaseFile cases}.
 */
final class RandomOperations {
    /** The step that compares the trees. */
    private static final String LOOK = "look";
    /** The step after which everything is old, and descriptors are gone; the trees are compared as well. */
    private static final String AGE = "age";
    private static final int LOOK_EVERY = 45;
    private static final long SHRINKING_NS = TimeUnit.SECONDS.toNanos(15);
    private static final String[] NAMES = {"a", "b", "c", "d"};
    private static final String[] MODES = {"0", "0644", "0600", "0755", "0777", "0700", "06755", "02770", "01775", "0444", "0007"};
    private static final String[] PEOPLE = {"@1000 ", "@1000:1000,2000 ", "@1001:1000 ", "@1000+DAC_OVERRIDE ", "@1001+FOWNER ",
        "@0-DAC_OVERRIDE-DAC_READ_SEARCH "};

    private static final Set<String> READING_FLAGS = Set.of("O_NONBLOCK|O_RDONLY", "O_NONBLOCK|O_DIRECTORY", "O_NONBLOCK|O_NOFOLLOW",
            "O_NONBLOCK|O_PATH", "O_NONBLOCK|O_PATH|O_NOFOLLOW");

    private final CaseSubject host;
    private final CaseSubject subject;

    RandomOperations(CaseSubject host, CaseSubject subject) {
        this.host = host;
        this.subject = subject;
    }

    /** Compares a history; throws with the shortest part of it that differs. */
    void compare(long seed, int operations) throws ErrnoException {
        List<Step> history = history(seed, operations);
        String difference = difference(history);
        if (difference == null) {
            return;
        }
        List<Step> shortest = shrink(history, System.nanoTime() + SHRINKING_NS);
        StringBuilder text = new StringBuilder("seed ").append(seed).append(": ").append(difference(shortest)).append(", after\n");
        shortest.forEach(step -> text.append("  ").append(step.text()).append('\n'));
        throw new AssertionError(text.toString());
    }

    /** What differs first, or null; trees are compared at the end, and sometimes before. */
    private String difference(List<Step> history) throws ErrnoException {
        FileCalls one = host.freshDirectory();
        FileCalls other = subject.freshDirectory();
        try {
            Interpreter reference = new Interpreter(one);
            Interpreter tested = new Interpreter(other);
            for (int i = 0; i < history.size(); i++) {
                Step step = history.get(i);
                boolean isLast = i == history.size() - 1;
                if (step.operation().equals(AGE)) {
                    one = host.age(one);
                    other = subject.age(other);
                    reference = new Interpreter(one);
                    tested = new Interpreter(other);
                } else if (!step.operation().equals(LOOK)) {
                    String expected = reference.run(step);
                    String got = tested.run(step);
                    if (!expected.equals(got)) {
                        return "\"" + step.text() + "\" gives " + Step.printable(got) + ", the host " + Step.printable(expected);
                    }
                }
                if (step.operation().equals(AGE) || step.operation().equals(LOOK) || isLast) {
                    String difference = treeDifference(one, other);
                    if (difference != null) {
                        return difference;
                    }
                }
            }
            return null;
        } finally {
            one.close();
            other.close();
        }
    }

    /** What is different first in two trees, or null. */
    String treeDifference(FileCalls one, FileCalls other) throws ErrnoException {
        return firstDifference(tree(one), tree(other));
    }

    private static String firstDifference(List<String> expected, List<String> got) {
        for (int i = 0; i < Math.max(expected.size(), got.size()); i++) {
            String one = i < expected.size() ? expected.get(i) : "nothing";
            String other = i < got.size() ? got.get(i) : "nothing";
            if (!one.equals(other)) {
                return "the tree has " + Step.printable(other) + " where the host has " + Step.printable(one);
            }
        }
        return null;
    }

    /** First the end is cut off by bisection, then whatever can go without the difference going. */
    private List<Step> shrink(List<Step> history, long untilNs) throws ErrnoException {
        int good = 0;
        int bad = history.size();
        while (bad - good > 1) {
            int middle = (good + bad) >>> 1;
            if (difference(history.subList(0, middle)) == null) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        List<Step> kept = new ArrayList<>(history.subList(0, bad));
        for (int chunk = Math.max(kept.size() / 2, 1); chunk > 0; chunk /= 2) {
            for (int at = 0; at < kept.size() && System.nanoTime() < untilNs; ) {
                List<Step> less = new ArrayList<>(kept);
                less.subList(at, Math.min(at + chunk, less.size())).clear();
                if (!less.isEmpty() && difference(less) != null) {
                    kept = less;
                } else {
                    at += chunk;
                }
            }
        }
        return kept;
    }

    private List<String> tree(FileCalls calls) throws ErrnoException {
        List<String> lines = new ArrayList<>();
        walk(calls, ".", lines);
        return lines;
    }

    private void walk(FileCalls calls, String path, List<String> into) throws ErrnoException {
        Attributes file = calls.stat(FileCalls.CWD, path, Fcntl.AT_SYMLINK_NOFOLLOW);
        int type = file.mode() & Stat.S_IFMT;
        boolean directory = type == Stat.S_IFDIR;
        StringBuilder line = new StringBuilder(path).append(String.format(" %o", file.mode()));
        if (type != Stat.S_IFCHR) { // filesystems do not learn who leaves a whiteout
            line.append(' ').append(file.uid()).append(':').append(file.gid());
        }
        if (!directory || !subject.lacks(Feature.DIRECTORY_LINKS)) {
            line.append(" links ").append(file.links());
        }
        if (type == Stat.S_IFREG || type == Stat.S_IFLNK) {
            line.append(" size ").append(file.sizeBytes());
        }
        if (type == Stat.S_IFLNK) {
            line.append(" to ").append(calls.readlink(FileCalls.CWD, path));
        }
        if (type == Stat.S_IFREG) {
            int fd = calls.open(FileCalls.CWD, path, Fcntl.O_RDONLY, 0);
            line.append(" holds ").append(calls.read(fd, 200_000, FileCalls.AT_OFFSET));
            calls.close(fd);
        }
        if ((directory || type == Stat.S_IFREG) && !subject.lacks(Feature.USER_XATTRS)) {
            List<String> names = new ArrayList<>(calls.listXattrs(-1, path, false));
            names.removeIf(name -> !name.startsWith("user."));
            names.sort(null);
            for (String name : names) {
                line.append(' ').append(name).append('=').append(calls.getXattr(-1, path, false, name));
            }
        }
        into.add(line.toString());
        if (directory) {
            int fd = calls.open(FileCalls.CWD, path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, 0);
            List<String> names = new ArrayList<>();
            for (List<FileCalls.Entry> some = calls.entries(fd, 8192); !some.isEmpty(); some = calls.entries(fd, 8192)) {
                some.forEach(entry -> names.add(entry.name()));
            }
            calls.close(fd);
            names.remove(".");
            names.remove("..");
            names.sort(null);
            for (String name : names) {
                walk(calls, path + "/" + name, into);
            }
        }
    }

    /** With even seeds files get several names; with odd ones they grow old: names in two layers are two files of an overlay of Linux. */
    private List<Step> history(long seed, int operations) {
        boolean isAging = seed % 2 != 0;
        Random random = new Random(seed);
        List<Step> steps = new ArrayList<>();
        while (steps.size() < operations) {
            if (steps.size() % LOOK_EVERY == LOOK_EVERY - 1) {
                steps.add(Step.of(isAging ? AGE : LOOK));
            }
            Step step = Step.of(line(random));
            if (isAging && (step.operation().equals("link") || isSocket(step) && subject.lacks(Feature.LASTING_SOCKETS))) {
                continue;
            }
            boolean keepsHandles = !subject.lacks(Feature.UNLINKED_FILES);
            boolean usesHandle = step.handle() != null || step.text().matches(".*\\bh\\d.*");
            if ((keepsHandles || !usesHandle) && step.needs().stream().noneMatch(subject::lacks)) {
                steps.add(step);
            }
        }
        return steps;
    }

    private static boolean isSocket(Step step) {
        return step.operation().equals("make") && step.arguments().getFirst().equals("sock");
    }

    /** A history without looks, and without what the subject cannot show. */
    List<Step> steps(long seed, int operations) {
        return history(seed, operations).stream().filter(step -> !step.operation().equals(LOOK) && !step.operation().equals(AGE)
                && !(isSocket(step) && subject.lacks(Feature.LASTING_SOCKETS))).toList();
    }

    /** Whether a step changes nothing, whoever takes it, and asks for no right to do so. */
    static boolean onlyReads(Step step) {
        return switch (step.operation()) {
            case "readlink", "stat", "lstat", "list", "cat", "getx", "read", "seek", "close" -> true;
            case "open" -> READING_FLAGS.contains(step.arguments().get(1));
            case "access" -> !step.arguments().get(1).contains("W_OK");
            case "utimens" -> step.text().endsWith("omit omit");
            case "sync" -> true;
            default -> false;
        };
    }

    private static String pick(Random random, String... values) {
        return values[random.nextInt(values.length)];
    }

    private static String path(Random random) {
        int depth = 1 + random.nextInt(20) / 9;
        StringBuilder path = new StringBuilder();
        if (random.nextInt(12) == 0) {
            path.append('h').append(random.nextInt(3)).append('!');
        }
        for (int i = 0; i < depth; i++) {
            path.append(i > 0 ? "/" : "").append(random.nextInt(25) == 0 ? ".." : pick(random, NAMES));
        }
        String text = path.append(random.nextInt(30) == 0 ? "/" : "").toString();
        return text.contains("..") ? text.replace("..", "a/..") : text; // never above the directory
    }

    private static String line(Random random) {
        return (random.nextInt(4) == 0 ? pick(random, PEOPLE) : "") + operation(random);
    }

    private static String operation(Random random) {
        String path = path(random);
        String handle = "h" + random.nextInt(3);
        int size = random.nextInt(6) == 0 ? random.nextInt(70_000) : random.nextInt(300);
        return switch (random.nextInt(34)) {
            case 0, 1 -> "file " + path + " text" + random.nextInt(100);
            case 2, 3 -> "mkdir " + path + " " + pick(random, MODES);
            case 4, 5 -> handle + "=open " + path + " O_NONBLOCK|" + pick(random, "O_RDONLY", "O_RDWR", "O_WRONLY|O_APPEND", "O_RDWR|O_CREAT",
                    "O_RDWR|O_CREAT|O_EXCL", "O_RDWR|O_TRUNC", "O_WRONLY|O_CREAT|O_TRUNC", "O_DIRECTORY", "O_NOFOLLOW", "O_PATH",
                    "O_PATH|O_NOFOLLOW", "O_RDWR|O_CREAT|O_NOFOLLOW") + " " + pick(random, MODES);
            case 6 -> "write " + handle + " <" + (char) ('a' + random.nextInt(26)) + size + ">";
            case 7 -> "write " + handle + " <" + (char) ('a' + random.nextInt(26)) + random.nextInt(5000) + "> " + size;
            case 8 -> "read " + handle + " " + size;
            case 9 -> "read " + handle + " 1000 " + size;
            case 10 -> "seek " + handle + " " + (size - 100) + " " + pick(random, "SEEK_SET", "SEEK_CUR");
            case 11 -> "ftruncate " + handle + " " + size;
            case 12 -> "truncate " + path + " " + size;
            case 13 -> "unlink " + path;
            case 14 -> "rmdir " + path;
            case 15, 16, 17 -> "rename " + path + " " + path(random);
            case 18 -> "rename " + path + " " + path(random) + " RENAME_NOREPLACE";
            case 19 -> "rename " + path + " " + path(random) + " RENAME_EXCHANGE";
            case 20 -> "link " + path + " " + path(random);
            case 21 -> "symlink " + pick(random, "a", "b/c", "../a", "d", "none", ".") + " " + path;
            case 22 -> "readlink " + path;
            case 23 -> "chmod " + path + " " + pick(random, MODES);
            case 24 -> pick(random, "chown ", "lchown ") + path + " " + pick(random, "-1", "0", "1000", "1001") + " "
                    + pick(random, "-1", "1000", "2000");
            case 25 -> "utimens " + path + " " + pick(random, "1s", "now", "omit") + " " + pick(random, "2s", "now", "omit");
            case 26 -> "access " + path + " " + pick(random, "R_OK", "W_OK", "X_OK", "F_OK", "R_OK|W_OK")
                    + pick(random, "", " AT_EACCESS");
            case 27 -> pick(random, "stat ", "lstat ") + path + " type,mode,uid,gid";
            case 28 -> "list " + path;
            case 29 -> "cat " + path;
            case 30 -> pick(random, "setx ", "lsetx ") + path + " user." + pick(random, NAMES) + " v" + random.nextInt(50)
                    + pick(random, "", "", " XATTR_CREATE", " XATTR_REPLACE");
            case 31 -> pick(random, "getx ", "removex ") + path + " user." + pick(random, NAMES);
            case 32 -> "make sock " + path;
            default -> pick(random, "close " + handle, "stat " + handle + "! type,mode,uid,gid", "lstat " + path + " mode,type",
                    "allocate " + handle + " 0 " + random.nextInt(5000) + " " + (1 + size),
                    "allocate " + handle + " FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE " + random.nextInt(5000) + " " + (1 + size),
                    handle + "=open " + path + " O_TMPFILE|O_RDWR", "link " + handle + "! " + path, "sync " + handle,
                    "rename " + path + " " + path(random) + " RENAME_WHITEOUT", "chmod " + handle + "! 0640");
        };
    }

    /** {@return whether the host can be the reference here} */
    static boolean hostCanTell() {
        return "root".equals(System.getProperty("user.name"));
    }
}
