package dev.caisson.gofer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The host's users and groups, read once: later there are no files to read them from. */
final class Accounts {
    /** More groups than this a user has not. */
    private static final int MOST_GROUPS = 256;

    private record User(int id, int group) {}

    private final Map<String, User> byName = new HashMap<>();
    private final Map<Integer, String> names = new HashMap<>();
    private final Map<String, List<Integer>> groups = new HashMap<>();

    private Accounts() {}

    /**
     * Reads passwd(5) and group(5) files.
     *
     * @param passwd users; a missing file has none
     * @param group groups
     * @return what they say; lines that say nothing are passed over
     */
    static Accounts read(Path passwd, Path group) {
        Accounts accounts = new Accounts();
        for (String[] fields : lines(passwd, 4)) {
            Integer user = number(fields[2]);
            Integer primary = number(fields[3]);
            if (user != null && primary != null) {
                accounts.byName.putIfAbsent(fields[0], new User(user, primary));
                accounts.names.putIfAbsent(user, fields[0]);
            }
        }
        for (String[] fields : lines(group, 4)) {
            Integer id = number(fields[2]);
            for (String member : fields[3].split(",")) {
                List<Integer> ofMember = accounts.groups.computeIfAbsent(member, name -> new ArrayList<>());
                if (id != null && ofMember.size() < MOST_GROUPS) {
                    ofMember.add(id);
                }
            }
        }
        return accounts;
    }

    /** {@return accounts without users} */
    static Accounts none() {
        return new Accounts();
    }

    /**
     * Finds a user.
     *
     * @param name name of the user
     * @return the user's id, or null
     */
    Integer user(String name) {
        User user = byName.get(name);
        return user == null ? null : (Integer) user.id;
    }

    /**
     * The groups of a user.
     *
     * @param user user id
     * @return the identity; a user without an account has the group of the same number and no others
     */
    Identity identity(int user) {
        String name = names.get(user);
        if (name == null) {
            return Identity.of(user, user);
        }
        int[] further = groups.getOrDefault(name, List.of()).stream().mapToInt(Integer::intValue).toArray();
        return new Identity(user, byName.get(name).group, further);
    }

    private static List<String[]> lines(Path file, int fields) {
        List<String[]> lines = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
                String[] parts = line.split(":", -1);
                if (parts.length >= fields) {
                    lines.add(parts);
                }
            }
        } catch (IOException e) {
            return List.of(); // a host without the file has no such accounts
        }
        return lines;
    }

    private static Integer number(String text) {
        try {
            return Integer.parseUnsignedInt(text);
        } catch (NumberFormatException e) {
            return null;
        }
    }
}
