package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Adapters by id within a budget. */
@Timeout(60)
final class AdapterPoolTest extends PoolLab {

  @Test
  void everyIdGetsItsOwnAdapter() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(10 * ONE);
        AdapterLease<FloatMlp> a = pool.acquire("a");
        AdapterLease<FloatMlp> b = pool.acquire("b")) {
      assertThat(a.model().forward(x)).isEqualTo(expected("a"));
      assertThat(b.model().forward(x)).isEqualTo(expected("b")).isNotEqualTo(expected("a"));
      assertThat(a.id()).isEqualTo("a");
      assertThat(a.peft().nativeBytes()).isEqualTo(ONE);
    }
  }

  @Test
  void secondRequestIsAHitAndReadsNothing() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(10 * ONE)) {
      use(pool, "a", "a", "a");

      assertThat(fetches).hasValue(1);
      assertThat(events).containsExactly("loaded a", "hit a", "hit a");
      assertThat(pool.snapshot())
          .isEqualTo(new AdapterPoolSnapshot(1, ONE, 10 * ONE, 0, 0, 2, 1, 1, 0, 0));
    }
  }

  @Test
  void leastRecentlyUsedLeavesFirst() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(3 * ONE)) {
      use(pool, "a", "b", "c", "a", "d");

      assertThat(events)
          .containsExactly("loaded a", "loaded b", "loaded c", "hit a", "evicted b", "loaded d");
      assertThat(pool.snapshot().bytes()).isEqualTo(3 * ONE);
    }
  }

  @Test
  void whatCountsIsWhenTheLastLeaseEnded() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE)) {
      AdapterLease<FloatMlp> longLease = pool.acquire("a");
      use(pool, "b");
      longLease.close();
      use(pool, "c");

      assertThat(events).contains("evicted b").doesNotContain("evicted a");
    }
  }

  @Test
  void manyLeaveForALargeOne() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(3 * ONE)) {
      use(pool, "a", "b", "c", "wide");

      assertThat(events).containsSubsequence("evicted a", "evicted b", "loaded wide");
      assertThat(pool.snapshot().bytes()).isEqualTo(3 * ONE);
      assertThat(pool.snapshot().evictions()).isEqualTo(2);
    }
  }

  @Test
  void leavingGivesTheMemoryBack() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(ONE)) {
      AdapterLease<FloatMlp> lease = pool.acquire("a");
      PeftModel<FloatMlp> view = lease.peft();
      lease.close();
      assertThat(view.nativeBytes()).isEqualTo(ONE);

      use(pool, "b");

      assertThat(view.nativeBytes()).isZero();
    }
  }

  @Test
  void oneInUseNeverLeaves() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE);
        AdapterLease<FloatMlp> a = pool.acquire("a")) {
      use(pool, "b", "c", "d", "b");

      assertThat(events).doesNotContain("evicted a");
      assertThat(a.model().forward(x)).isEqualTo(expected("a"));
    }
  }

  @Test
  void pinnedOneLeavesOnlyAfterUnpinning() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE)) {
      pool.pin("a");
      use(pool, "b", "c", "d");
      assertThat(events).doesNotContain("evicted a");
      assertThat(pool.snapshot().pinned()).isEqualTo(1);

      assertThat(pool.unpin("a")).isTrue();
      assertThat(pool.unpin("a")).isFalse();
      use(pool, "b", "c");

      assertThat(events).contains("evicted a");
    }
  }

  @Test
  void failedPinPinsNothing() {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE)) {
      assertThatThrownBy(() -> pool.pin("nowhere")).isInstanceOf(AdapterLoadException.class);

      assertThat(pool.snapshot().pinned()).isZero();
    }
  }

  @Test
  void budgetInUseIsAClearErrorWithFiguresAndNothingLeavesForIt() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(3 * ONE)) {
      pool.pin("b");
      use(pool, "c");
      AdapterLease<FloatMlp> a = pool.acquire("a");

      assertThatThrownBy(() -> pool.acquire("wide"))
          .isInstanceOf(AdapterPoolFullException.class)
          .hasMessage(
              "adapter 'wide' needs 512 bytes of native memory; of the pool's budget of 768, 512 are"
                  + " in use: 1 adapters are leased, 1 pinned, 0 being loaded; close leases, unpin,"
                  + " or give the pool more");
      assertThat(events).doesNotContain("evicted c").contains("failed wide");

      a.close();
      use(pool, "wide"); // at once: it is not remembered as a failure
      assertThat(events).contains("evicted a", "evicted c");
    }
  }

  @Test
  void adapterLargerThanTheBudgetIsRefusedByName() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(ONE)) {
      use(pool, "a");

      assertThatThrownBy(() -> pool.acquire("wide"))
          .isInstanceOf(AdapterLoadException.class)
          .hasMessage(
              "adapter 'wide' could not be loaded: adapter 'wide' needs 512 bytes of native memory,"
                  + " the pool's whole budget is 256; give the pool more")
          .hasCauseInstanceOf(LoraException.class);
      assertThat(events).doesNotContain("evicted a");
      assertThat(pool.snapshot().bytes()).isEqualTo(ONE);
    }
  }

  @Test
  void settingsThatMeanNothingAreRefused() {
    AdapterPool.Builder<FloatMlp> builder = AdapterPool.builder(base, files);

    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a pool needs byteBudget");
    assertThatThrownBy(() -> builder.byteBudget(0))
        .hasMessage("byteBudget must be positive, got 0");
    assertThatThrownBy(() -> builder.failureCache(Duration.ofMillis(-1)))
        .hasMessage("failureCache must not be negative, got PT-0.001S");
  }

  @Test
  void manyThreadsAtRandomGetTheRightAdapterWithinTheBudget() throws Exception {
    List<String> ids = List.of("a", "b", "c", "d", "wide");
    List<TensorData> expected = new ArrayList<>();
    for (String id : ids) {
      expected.add(expected(id));
    }
    try (AdapterPool<FloatMlp> pool = pool(3 * ONE)) {
      List<Callable<Integer>> calls = new ArrayList<>();
      for (int thread = 0; thread < 8; thread++) {
        Random random = new Random(thread);
        calls.add(() -> atRandom(pool, ids, expected, random));
      }
      int answered = 0;
      for (Future<Integer> result : threads.invokeAll(calls)) {
        answered += result.get();
      }

      AdapterPoolSnapshot end = pool.snapshot();
      assertThat(answered).isPositive();
      assertThat(end.inUse()).isZero();
      assertThat(end.bytes()).isBetween(0L, 3 * ONE);
      assertThat(end.hits() + end.misses()).isEqualTo(8 * 500);
    }
  }

  private int atRandom(
      AdapterPool<FloatMlp> pool, List<String> ids, List<TensorData> expected, Random random)
      throws Exception {
    int answered = 0;
    for (int call = 0; call < 500; call++) {
      int which = random.nextInt(ids.size());
      if (call % 50 == 0) {
        pool.invalidate(ids.get(which));
      }
      try (AdapterLease<FloatMlp> lease = pool.acquire(ids.get(which))) {
        assertThat(lease.model().forward(x)).isEqualTo(expected.get(which));
        answered++;
      } catch (AdapterPoolFullException e) { // eight threads, room for three
        assertThat(e.id()).isEqualTo(ids.get(which));
      }
      assertThat(pool.snapshot().bytes()).isBetween(0L, 3 * ONE);
    }
    return answered;
  }
}
