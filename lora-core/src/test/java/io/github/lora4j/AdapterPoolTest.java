package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Adapters by id within a budget. Each of a, b, c and d takes 256 bytes, wide takes 512. */
@Timeout(60)
class AdapterPoolTest {

  private static final long ONE = 4 * 2 * 2 * (6 + 10);

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);
  private final TensorData x = TensorData.matrix(1, 6, new float[] {1, -2, 3, -4, 5, -6});
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final AtomicLong clock = new AtomicLong();
  private final AtomicInteger fetches = new AtomicInteger();
  private final Queue<String> events = new ConcurrentLinkedQueue<>();
  private final Queue<AdapterPoolEvent> details = new ConcurrentLinkedQueue<>();

  @TempDir Path root;

  private AdapterSource files = id -> AdapterFiles.in(root, id);

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

  private AdapterPool<FloatMlp> pool(long budget) {
    return pool(budget, files);
  }

  private AdapterPool<FloatMlp> pool(long budget, AdapterSource source) {
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

  private final class Recorder implements AdapterPoolListener {
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

  private void use(AdapterPool<FloatMlp> pool, String... ids) throws Exception {
    for (String id : ids) {
      pool.acquire(id).close();
    }
  }

  private TensorData expected(String id) throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, root, id)) {
      return peft.model().forward(x);
    }
  }

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

  private TensorData forward(AdapterPool<FloatMlp> pool, String id) throws Exception {
    try (AdapterLease<FloatMlp> lease = pool.acquire(id)) {
      return lease.model().forward(x);
    }
  }

  private AdapterSource blocking(String blocked, CountDownLatch begun, CountDownLatch go) {
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

  private static void until(Callable<Boolean> condition) throws Exception {
    while (!condition.call()) {
      Thread.onSpinWait();
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

  private static Throwable failureOf(Future<?> future) throws InterruptedException {
    try {
      future.get();
      throw new AssertionError("wanted a failure");
    } catch (ExecutionException e) {
      return Objects.requireNonNull(e.getCause());
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
  void pinOutlivesInvalidation() throws Exception {
    try (AdapterPool<FloatMlp> pool = pool(2 * ONE)) {
      pool.pin("a");
      pool.invalidate("a");
      use(pool, "a", "b", "c", "d");

      assertThat(events.stream().filter("evicted a"::equals)).hasSize(1); // the invalidated one
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
