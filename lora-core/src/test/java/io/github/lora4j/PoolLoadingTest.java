package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whoever asks for an adapter that is not resident, and what goes wrong meanwhile. */
@Timeout(60)
final class PoolLoadingTest extends PoolLab {

  @Test
  void aHundredRequestsReadTheFileOnce() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    // room for one only: that it is in use from the first moment on keeps it there for all
    try (AdapterPool<FloatMlp> pool = pool(ONE, blocking("a", reading, mayRead))) {
      List<Future<TensorData>> results = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        results.add(threads.submit(() -> forward(pool, "a")));
      }
      until(() -> pool.snapshot().misses() == 100);
      mayRead.countDown();

      for (Future<TensorData> result : results) {
        assertThat(result.get()).isEqualTo(expected("a"));
      }
      assertThat(fetches).hasValue(1);
      assertThat(events).containsExactly("loaded a");
      assertThat(pool.snapshot().inUse()).isZero();
    }
  }

  @Test
  void slowLoadOfOneKeepsNobodyElseWaiting() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    try (AdapterPool<FloatMlp> pool = pool(3 * ONE, blocking("a", reading, mayRead))) {
      use(pool, "b");
      Future<TensorData> slow = threads.submit(() -> forward(pool, "a"));
      reading.await();

      use(pool, "b", "c", "d", "b");
      pool.pin("d");
      assertThat(pool.snapshot().loads()).isEqualTo(3);
      assertThat(slow.isDone()).isFalse();

      mayRead.countDown();
      assertThat(slow.get()).isEqualTo(expected("a"));
    }
  }

  @Test
  void everybodyWhoWaitedGetsAnExceptionOfHisOwnWithTheCause() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    try (AdapterPool<FloatMlp> pool = pool(ONE, blocking("nowhere", reading, mayRead))) {
      List<Future<TensorData>> results = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        results.add(threads.submit(() -> forward(pool, "nowhere")));
      }
      until(() -> pool.snapshot().misses() == 8);
      mayRead.countDown();

      Set<Throwable> own = new HashSet<>();
      Set<Throwable> causes = new HashSet<>();
      for (Future<TensorData> result : results) {
        Throwable thrown = failureOf(result);
        assertThat(thrown)
            .isInstanceOf(AdapterLoadException.class)
            .hasMessageStartingWith("adapter 'nowhere' could not be loaded: ")
            .hasMessageContaining("there is no adapter of this name")
            .hasCauseInstanceOf(NoSuchFileException.class);
        assertThat(((AdapterLoadException) thrown).id()).isEqualTo("nowhere");
        own.add(thrown);
        causes.add(thrown.getCause());
      }
      assertThat(own).hasSize(8);
      assertThat(causes).hasSize(1);
      assertThat(fetches).hasValue(1);
      assertThat(events).containsExactly("failed nowhere");
    }
  }

  @Test
  void failureIsRememberedForAWhile() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(ONE)) {
      assertThatThrownBy(() -> pool.acquire("nowhere")).isInstanceOf(AdapterLoadException.class);
      clock.set(99);
      assertThatThrownBy(() -> pool.acquire("nowhere"))
          .isInstanceOf(AdapterLoadException.class)
          .hasMessageStartingWith(
              "adapter 'nowhere' could not be loaded just now, and is not tried again for 0 ms: ")
          .hasCauseInstanceOf(NoSuchFileException.class);
      assertThat(fetches).hasValue(1);

      clock.set(100);
      new SavedAdapters(base, root).with("nowhere", 2, "up");
      use(pool, "nowhere");

      assertThat(fetches).hasValue(2);
    }
  }

  @Test
  void hostileIdIsAFailureLikeAnother() {
    try (AdapterPool<FloatMlp> pool = pool(ONE)) {
      assertThatThrownBy(() -> pool.acquire("../../etc"))
          .isInstanceOf(AdapterLoadException.class)
          .hasCauseInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> pool.acquire("../../etc"))
          .hasMessageContaining("is not tried again");
    }
  }

  @Test
  void failuresOfMadeUpIdsAreForgottenOldestFirst() {
    RecentFailures failures = new RecentFailures(10);

    for (int i = 0; i < 3 * RecentFailures.MOST; i++) {
      failures.add("id " + i, new IOException(), 0);
    }

    assertThat(failures.size()).isEqualTo(RecentFailures.MOST);
    assertThat(failures.find("id 0", 0)).isEmpty();
    assertThat(failures.find("id " + (3 * RecentFailures.MOST - 1), 9)).isPresent();
    failures.add("another", new IOException(), 10);
    assertThat(failures.size()).isEqualTo(1);
  }

  @Test
  void interruptEndsTheWaitingOfOneOnly() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    try (AdapterPool<FloatMlp> pool = pool(ONE, blocking("a", reading, mayRead))) {
      Future<TensorData> first = threads.submit(() -> forward(pool, "a"));
      reading.await();
      Future<TensorData> second = threads.submit(() -> forward(pool, "a"));
      until(() -> pool.snapshot().misses() == 2);

      second.cancel(true);
      until(() -> second.isDone());
      mayRead.countDown();

      assertThat(first.get()).isEqualTo(expected("a"));
      until(() -> pool.snapshot().inUse() == 0);
      use(pool, "b"); // the one who left holds nothing
      assertThat(events).contains("evicted a");
    }
  }

  @Test
  void interruptOfTheOneWhoLoadsLetsAnotherLoad() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    try (AdapterPool<FloatMlp> pool = pool(ONE, blocking("a", reading, mayRead))) {
      CountDownLatch interrupted = new CountDownLatch(1);
      Thread loader =
          new Thread(
              () -> {
                try {
                  pool.acquire("a").close();
                } catch (InterruptedException e) {
                  interrupted.countDown();
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      loader.start();
      reading.await();
      Future<TensorData> second = threads.submit(() -> forward(pool, "a"));
      until(() -> pool.snapshot().misses() == 2);

      loader.interrupt();
      interrupted.await();
      mayRead.countDown();

      assertThat(second.get()).isEqualTo(expected("a"));
      assertThat(pool.snapshot().failures()).isZero();
      assertThat(pool.snapshot().hits() + pool.snapshot().misses()).isEqualTo(2);
      loader.join();
    }
  }

  @Test
  void timeoutOfANetworkIsNoInterrupt() {
    AdapterSource slow =
        id -> {
          throw new SocketTimeoutException("read timed out");
        };
    try (AdapterPool<FloatMlp> pool = pool(ONE, slow)) {
      assertThatThrownBy(() -> pool.acquire("a"))
          .isInstanceOf(AdapterLoadException.class)
          .hasCauseInstanceOf(SocketTimeoutException.class);
    }
  }

  @Test
  void sourceThatEndsInAnErrorLeavesNobodyWaiting() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    AdapterSource once =
        id -> {
          if (calls.incrementAndGet() == 1) {
            throw new StackOverflowError();
          }
          return files.fetch(id);
        };
    try (AdapterPool<FloatMlp> pool = pool(ONE, once)) {
      assertThatThrownBy(() -> pool.acquire("a")).isInstanceOf(StackOverflowError.class);

      use(pool, "a");
      assertThat(pool.snapshot().bytes()).isEqualTo(ONE);
    }
  }

  @Test
  void loadThatWasInvalidatedServesThoseWhoWaitedAndNobodyAfter() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    AtomicInteger calls = new AtomicInteger();
    AdapterSource firstBlocks =
        id ->
            calls.incrementAndGet() == 1
                ? blocking(id, reading, mayRead).fetch(id)
                : files.fetch(id);
    try (AdapterPool<FloatMlp> pool = pool(4 * ONE, firstBlocks)) {
      Future<TensorData> first = threads.submit(() -> forward(pool, "a"));
      reading.await();
      pool.invalidate("a");
      use(pool, "a");
      mayRead.countDown();
      first.get();
      until(() -> pool.snapshot().inUse() == 0);

      assertThat(fetches).hasValue(2);
      assertThat(pool.snapshot().bytes()).isEqualTo(ONE);
      use(pool, "a");
      assertThat(fetches).hasValue(2);
    }
  }

  @Test
  void invalidatingForgetsAFailure() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(ONE)) {
      assertThatThrownBy(() -> pool.acquire("new")).isInstanceOf(AdapterLoadException.class);
      new SavedAdapters(base, root).with("new", 2, "up");

      pool.invalidate("new");
      use(pool, "new");

      assertThat(pool.snapshot().loads()).isEqualTo(1);
    }
  }

  @Test
  void poolThatIsClosedWhileLoadingKeepsNothing() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch mayRead = new CountDownLatch(1);
    AdapterPool<FloatMlp> pool = pool(ONE, blocking("a", reading, mayRead));
    Future<TensorData> slow = threads.submit(() -> forward(pool, "a"));
    reading.await();

    pool.close();
    mayRead.countDown();

    assertThat(failureOf(slow))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the pool is closed");
    assertThat(pool.snapshot().bytes()).isZero();
    assertThat(pool.snapshot().resident()).isZero();
  }
}
