package io.github.lora4j;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A base, adapters of it and pools: each of a, b, c and d takes 256 bytes, wide takes 512. */
abstract class PoolLab {

  static final long ONE = 4 * 2 * 2 * (6 + 10);

  final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);
  final TensorData x = TensorData.matrix(1, 6, new float[] {1, -2, 3, -4, 5, -6});
  final ExecutorService threads = Executors.newCachedThreadPool();
  final AtomicLong clock = new AtomicLong();
  final AtomicInteger fetches = new AtomicInteger();
  final Queue<String> events = new ConcurrentLinkedQueue<>();
  final Queue<AdapterPoolEvent> details = new ConcurrentLinkedQueue<>();

  @TempDir Path root;

  AdapterSource files = id -> AdapterFiles.in(root, id);

  @BeforeEach
  void saveAdapters() throws IOException {
    SavedAdapters saved = new SavedAdapters(base, root).with("wide", 4, "up");
    for (String name : List.of("a", "b", "c", "d")) {
      saved.with(name, 2, "up");
    }
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  AdapterPool<FloatMlp> pool(long budget) {
    return pool(budget, files);
  }

  AdapterPool<FloatMlp> pool(long budget, AdapterSource source) {
    AdapterSource counting =
        id -> {
          fetches.incrementAndGet();
          return source.fetch(id);
        };
    return AdapterPool.builder(base, counting)
        .byteBudget(budget)
        .failureCache(Duration.ofNanos(100))
        .clock(clock::get)
        .listener(new Recorder())
        .build();
  }

  final class Recorder implements AdapterPoolListener {
    @Override
    public void onLoaded(AdapterPoolEvent event) {
      record("loaded", event);
    }

    @Override
    public void onHit(AdapterPoolEvent event) {
      record("hit", event);
    }

    @Override
    public void onEvicted(AdapterPoolEvent event) {
      record("evicted", event);
    }

    @Override
    public void onFailed(AdapterPoolEvent event) {
      record("failed", event);
    }

    private void record(String what, AdapterPoolEvent event) {
      events.add(what + " " + event.id());
      details.add(event);
    }
  }

  void use(AdapterPool<FloatMlp> pool, String... ids) throws Exception {
    for (String id : ids) {
      pool.acquire(id).close();
    }
  }

  TensorData expected(String id) throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, root, id)) {
      return peft.model().forward(x);
    }
  }

  TensorData forward(AdapterPool<FloatMlp> pool, String id) throws Exception {
    try (AdapterLease<FloatMlp> lease = pool.acquire(id)) {
      return lease.model().forward(x);
    }
  }

  AdapterSource blocking(String blocked, CountDownLatch begun, CountDownLatch go) {
    return id -> {
      if (id.equals(blocked)) {
        begun.countDown();
        try {
          go.await();
        } catch (InterruptedException e) {
          InterruptedIOException interrupted = new InterruptedIOException();
          interrupted.initCause(e);
          throw interrupted;
        }
      }
      return files.fetch(id);
    };
  }

  static void until(Callable<Boolean> condition) throws Exception {
    while (!condition.call()) {
      Thread.onSpinWait();
    }
  }

  static Throwable failureOf(Future<?> future) throws InterruptedException {
    try {
      future.get();
      throw new AssertionError("wanted a failure");
    } catch (ExecutionException e) {
      return Objects.requireNonNull(e.getCause());
    }
  }
}
