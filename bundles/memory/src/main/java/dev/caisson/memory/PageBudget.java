package dev.caisson.memory;

/** Counts pages against a limit of a filesystem, such as the size option of tmpfs. Called under a file's lock. */
public interface PageBudget {
    /** No limit. */
    PageBudget UNLIMITED = new PageBudget() {
        @Override
        public boolean take(long pages) {
            return true;
        }

        @Override
        public void give(long pages) {}
    };

    /**
     * Takes pages.
     *
     * @param pages how many
     * @return false when there are not so many left; none was taken
     */
    boolean take(long pages);

    /**
     * Takes a page that nobody has asked for yet, beside one that somebody did: only when there are plenty.
     *
     * @return false when what is left is for those who ask
     */
    default boolean takeAhead() {
        return take(1);
    }

    /**
     * Gives pages back.
     *
     * @param pages how many
     */
    void give(long pages);
}
