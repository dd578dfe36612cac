package dev.caisson.testing.guest;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A test whose {@code $CAISSON do} runs on one platform after the other. */
@ParameterizedClass(name = "on {0}")
@MethodSource("dev.caisson.testing.guest.Platforms#all")
abstract class OnEachPlatform {
    /** The platform of this round. */
    @Parameter
    String platform;

    @BeforeEach
    void usePlatform() throws IOException, InterruptedException {
        Platforms.assumeUsable(platform);
        Runner.use(Platforms.home(platform).resolve("bin/caisson"));
    }

    @AfterEach
    void useTheDistributionAsItIs() {
        Runner.use(Runner.CAISSON);
    }
}
