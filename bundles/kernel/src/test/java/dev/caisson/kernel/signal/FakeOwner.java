package dev.caisson.kernel.signal;

import java.util.ArrayList;
import java.util.List;

/** A thread group that writes down what it is told. */
final class FakeOwner implements SignalOwner {
    final List<String> changes = new ArrayList<>();
    final SignalQuota quota = new SignalQuota();
    long limit = 1000;
    boolean orphaned;

    @Override
    public void jobControlChanged(int code, int signal) {
        changes.add(code + ":" + signal);
    }

    @Override
    public boolean isInOrphanedGroup() {
        return orphaned;
    }

    @Override
    public long pendingLimit() {
        return limit;
    }

    @Override
    public SignalQuota pendingQuota() {
        return quota;
    }
}
