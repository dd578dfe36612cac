package dev.caisson.gofer;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a gofer is to serve.
 *
 * @param trees directories
 * @param doors where clients come from, at least one
 * @param user as whom everybody works, "uid" or "uid:gid", or null
 */
public record GoferPlan(List<Tree> trees, List<Door> doors, String user) {
    /**
     * A directory to serve.
     *
     * @param name what Tattach calls it
     * @param path where it is
     * @param isReadOnly whether it is left as it is
     */
    public record Tree(String name, String path, boolean isReadOnly) {
        /**
         * Reads {@code [NAME=]DIR[:ro]}.
         *
         * @param text the text
         * @return the tree; without a name it is called as its directory
         * @throws IllegalArgumentException if it is none
         */
        public static Tree parse(String text) {
            boolean isReadOnly = text.endsWith(":ro");
            String rest = isReadOnly ? text.substring(0, text.length() - 3) : text;
            int equals = rest.indexOf('=');
            String path = rest.substring(equals + 1);
            if (path.isEmpty() || equals == 0) {
                throw new IllegalArgumentException("a tree is [NAME=]DIR[:ro], not " + text);
            }
            return new Tree(equals < 0 ? path : rest.substring(0, equals), path, isReadOnly);
        }
    }

    /** Where clients come from. */
    public sealed interface Door {
        /**
         * Reads {@code unix:PATH}, {@code tcp:HOST:PORT} or {@code fd:N}.
         *
         * @param text the text
         * @return the door
         * @throws IllegalArgumentException if it is none
         */
        static Door parse(String text) {
            int colon = text.lastIndexOf(':');
            if (text.startsWith("unix:") && text.length() > 5) {
                return new UnixSocket(text.substring(5));
            } else if (text.startsWith("tcp:") && colon > 4) {
                return new TcpSocket(text.substring(4, colon), number(text.substring(colon + 1), 65535));
            } else if (text.startsWith("fd:")) {
                return new Inherited(number(text.substring(3), Integer.MAX_VALUE));
            }
            throw new IllegalArgumentException("a socket is unix:PATH, tcp:HOST:PORT or fd:N, not " + text);
        }

        private static int number(String text, int most) {
            try {
                int number = Integer.parseInt(text);
                if (number >= 0 && number <= most) {
                    return number;
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new IllegalArgumentException("no number from 0 to " + most + ": " + text);
        }
    }

    /**
     * A UNIX socket to listen on.
     *
     * @param path where
     */
    public record UnixSocket(String path) implements Door {}

    /**
     * A TCP socket to listen on.
     *
     * @param host an address of this machine
     * @param port 0 for any
     */
    public record TcpSocket(String host, int port) implements Door {}

    /**
     * A connected UNIX socket that this process has.
     *
     * @param fd its descriptor
     */
    public record Inherited(int fd) implements Door {}

    /** Copies the lists. */
    public GoferPlan {
        trees = List.copyOf(trees);
        doors = List.copyOf(doors);
        if (trees.isEmpty() || doors.isEmpty()) {
            throw new IllegalArgumentException("a gofer needs a tree (DIR) and a socket (--listen)");
        }
        if (trees.stream().map(Tree::name).distinct().count() < trees.size()) {
            throw new IllegalArgumentException("two trees of one name: give one another, NAME=DIR");
        }
        if (user != null) {
            user(user);
        }
    }

    /**
     * Reads a command line: trees, {@code --listen SOCKET} and {@code --as UID[:GID]}.
     *
     * @param arguments the words
     * @return the plan
     * @throws IllegalArgumentException if it is none; the message says what would be right
     */
    public static GoferPlan parse(List<String> arguments) {
        List<Tree> trees = new ArrayList<>();
        List<Door> doors = new ArrayList<>();
        String user = null;
        for (int i = 0; i < arguments.size(); i++) {
            String word = arguments.get(i);
            int equals = word.indexOf('=');
            if (!word.startsWith("--")) {
                trees.add(Tree.parse(word));
                continue;
            }
            String option = equals < 0 ? word : word.substring(0, equals);
            String value = equals >= 0 ? word.substring(equals + 1) : i + 1 < arguments.size() ? arguments.get(++i) : null;
            if (value == null) {
                throw new IllegalArgumentException(option + " needs a value");
            }
            switch (option) {
                case "--listen" -> doors.add(Door.parse(value));
                case "--as" -> user = value;
                default -> throw new IllegalArgumentException("no option " + option);
            }
        }
        return new GoferPlan(trees, doors, user);
    }

    /**
     * Reads a user.
     *
     * @param text "uid" or "uid:gid"
     * @return the two numbers; without a group it is the user's number
     */
    static int[] user(String text) {
        String[] parts = Objects.requireNonNull(text).split(":", -1);
        try {
            int user = Integer.parseUnsignedInt(parts[0]);
            if (parts.length <= 2 && user != -1) {
                return new int[] {user, parts.length == 1 ? user : Integer.parseUnsignedInt(parts[1])};
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException("a user is UID or UID:GID, in numbers, not " + text);
    }
}
