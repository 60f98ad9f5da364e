package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How adapters, leases and pools end, and who is told. */
@Timeout(60)
final class PoolLifeTest extends PoolLab {

  @Test
  void invalidatedAdapterIsLoadedAfreshWhileTheOldOneIsFinished() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE)) {
      TensorData before = expected("a");
      AdapterLease<FloatMlp> old = pool.acquire("a");
      PeftModel<FloatMlp> view = old.peft();
      move("b", "a");

      assertThat(pool.invalidate("a")).isTrue();
      assertThat(pool.invalidate("a")).isFalse();
      TensorData after = forward(pool, "a");

      assertThat(after).isEqualTo(expected("b")).isNotEqualTo(before);
      assertThat(old.model().forward(x)).isEqualTo(before);
      assertThat(pool.snapshot().bytes()).isEqualTo(2 * ONE);
      old.close();
      assertThat(view.nativeBytes()).isZero();
      assertThat(pool.snapshot().bytes()).isEqualTo(ONE);
    }
  }

  private void move(String from, String to) throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, root, from)) {
      peft.save(root.resolve(to));
    }
  }

  @Test
  void pinOutlivesInvalidation() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE)) {
      pool.pin("a");
      pool.invalidate("a");
      use(pool, "a", "b", "c", "d");

      assertThat(events.stream().filter("evicted a"::equals)).hasSize(1); // the invalidated one
    }
  }

  @Test
  void closingGivesAllBackAndTheLeasedOneWithItsLease() throws Exception {
    AdapterPool<FloatMlp> pool = pool(4 * ONE);
    use(pool, "b");
    pool.pin("c");
    AdapterLease<FloatMlp> lease = pool.acquire("a");
    PeftModel<FloatMlp> view = lease.peft();

    pool.close();
    pool.close();

    assertThat(lease.model().forward(x)).isEqualTo(expected("a"));
    assertThat(pool.snapshot().resident()).isEqualTo(1);
    lease.close();
    assertThat(view.nativeBytes()).isZero();
    assertThat(pool.snapshot().bytes()).isZero();
    assertThat(pool.snapshot().resident()).isZero();
    assertThat(events).contains("evicted a", "evicted b", "evicted c");
    assertThatThrownBy(() -> pool.acquire("a"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the pool is closed");
  }

  @Test
  void closedLeaseSaysSoAndEndsOnlyOnce() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(ONE)) {
      AdapterLease<FloatMlp> first = pool.acquire("a");
      AdapterLease<FloatMlp> second = pool.acquire("a");
      first.close();
      first.close();

      assertThat(pool.snapshot().inUse()).isEqualTo(1);
      assertThatThrownBy(first::peft)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the lease of adapter 'a' is closed; acquire it again");
      second.close();
    }
  }

  @Test
  void viewOfAPoolIsNeitherClosedNorReplacedByItsUser() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(ONE);
        AdapterLease<FloatMlp> lease = pool.acquire("a")) {
      lease.peft().close();

      assertThat(lease.peft().nativeBytes()).isEqualTo(ONE);
      assertThatThrownBy(() -> lease.peft().replaceWith(root.resolve("b")))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("invalidate its id");
      assertThat(lease.model().forward(x)).isEqualTo(expected("a"));
    }
  }

  @Test
  void eventsCarryBytesHashAndDuration() throws Exception {
    String hash;
    try (AdapterPool<FloatMlp> pool =
        pool(
            ONE,
            id -> {
              clock.addAndGet(40);
              return files.fetch(id);
            })) {
      try (AdapterLease<FloatMlp> lease = pool.acquire("a")) {
        hash = lease.sha256();
      }
      clock.addAndGet(2);
      use(pool, "a");
      assertThatThrownBy(() -> pool.acquire("nowhere")).isInstanceOf(AdapterLoadException.class);
    }

    List<AdapterPoolEvent> told = List.copyOf(details);
    assertThat(events).containsExactly("loaded a", "hit a", "failed nowhere", "evicted a");
    assertThat(told).extracting(AdapterPoolEvent::bytes).containsExactly(ONE, ONE, 0L, ONE);
    assertThat(told)
        .extracting(event -> event.duration().toNanos())
        .containsExactly(40L, 2L, 40L, 42L);
    assertThat(told.get(0).sha256()).contains(hash).get().asString().matches("[0-9a-f]{64}");
    assertThat(hash).isEqualTo(sha256(root.resolve("a").resolve(SavedAdapters.WEIGHTS)));
    assertThat(told.get(2).cause()).get().isInstanceOf(NoSuchFileException.class);
  }

  private static String sha256(Path file) throws Exception {
    byte[] digest =
        java.security.MessageDigest.getInstance("SHA-256")
            .digest(java.nio.file.Files.readAllBytes(file));
    return java.util.HexFormat.of().formatHex(digest);
  }

  @Test
  void listenerThatThrowsChangesNothing() throws Exception {
    AdapterPoolListener broken =
        new AdapterPoolListener() {
          @Override
          public void onLoaded(AdapterPoolEvent event) {
            throw new IllegalArgumentException("a metric of this name exists");
          }
        };
    try (AdapterPool<FloatMlp> pool =
        AdapterPool.builder(base, files).byteBudget(ONE).listener(broken).build()) {
      assertThat(forward(pool, "a")).isEqualTo(expected("a"));
      assertThat(pool.snapshot().inUse()).isZero();
    }
  }
}
