package io.github.lora4j;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Adapters by id beside one base, loaded when they are asked for and kept as long as a budget of
 * native memory allows.
 *
 * <pre>{@code
 * try (AdapterPool<CausalLm> pool =
 *     AdapterPool.builder(base, AdapterSource.directory(Path.of("adapters")))
 *         .byteBudget(500_000_000)
 *         .build()) {
 *   try (AdapterLease<CausalLm> lease = pool.acquire("acme/mail")) {
 *     return TextGenerator.of(lease.model()).generate(prompt, options);
 *   }
 * }
 * }</pre>
 *
 * <ul>
 *   <li>Requests for an adapter that is not resident load it once, on the thread of the first; the
 *       others wait. Loading one never delays those who ask for another.
 *   <li>Room is made before memory is taken, by the adapters whose last lease ended longest ago.
 *       One that is leased or pinned never leaves.
 *   <li>An adapter larger than the whole budget is refused, as one that cannot be read. One that
 *       fits, but not beside those in use, is refused at once with {@link
 *       AdapterPoolFullException}, and nothing leaves for it: the pool never waits for a lease to
 *       end, since those who hold them may be waiting for it.
 *   <li>A failure is remembered for {@link Builder#failureCache}, so that a wrong id does not read
 *       a disk at every request.
 * </ul>
 *
 * <p>Safe from any number of threads.
 *
 * @param <M> type of the model
 * @since 0.1.0
 */
public final class AdapterPool<M> implements AutoCloseable {

  private final PoolState<M> state;
  private final PoolLoader<M> loader;
  private final PoolEvents events;
  private final LongSupplier nanoTime;

  private AdapterPool(Builder<M> builder) {
    this.state = new PoolState<>(builder.byteBudget, builder.failureCache.toNanos());
    this.events = new PoolEvents(builder.listeners);
    this.nanoTime = builder.nanoTime;
    this.loader = new PoolLoader<>(builder.base, builder.source, state, events, nanoTime);
  }

  /**
   * Starts without a budget, which must be given.
   *
   * @param <M> type of the model
   * @param base the model without an adapter; stays the caller's to close, after the pool
   * @param source supplies the adapters
   * @return a builder
   */
  public static <M> Builder<M> builder(M base, AdapterSource source) {
    return new Builder<>(base, source);
  }

  /**
   * Gives an adapter to use, loading it if it is not resident.
   *
   * @param id what names it in the source
   * @return a lease, to be closed when the use ends
   * @throws AdapterLoadException if it cannot be loaded, or could not a short while ago; the cause
   *     says why
   * @throws IOException never of another kind
   * @throws AdapterPoolFullException if it does not fit beside those that are in use
   * @throws InterruptedException if the thread is interrupted while it loads or waits; others who
   *     wait for the same adapter are not disturbed
   * @throws IllegalStateException if the pool is closed
   */
  public AdapterLease<M> acquire(String id) throws IOException, InterruptedException {
    Objects.requireNonNull(id, "id");
    boolean again = false;
    while (true) {
      PoolState.Entry<M> entry = state.enter(id, again, nanoTime.getAsLong());
      if (entry instanceof PoolState.Entry.Hit<M> hit) {
        return hit(hit.resident(), again);
      }
      if (entry instanceof PoolState.Entry.Refused<M> refused) {
        throw new AdapterLoadException(id, refusal(id, refused), refused.cause());
      }
      Flight<M> flight = flown(entry);
      if (flight.resident().isPresent()) {
        return lease(flight.resident().get());
      }
      if (flight.failure().isPresent()) {
        throw failure(id, flight.failure().get());
      }
      again = true; // whoever loaded it was stopped
    }
  }

  private AdapterLease<M> hit(Resident<M> resident, boolean again) {
    if (!again) {
      events.send(AdapterPoolListener::onHit, () -> resident.event(nanoTime.getAsLong()));
    }
    return lease(resident);
  }

  /** Loads, or waits for another thread that does. */
  private Flight<M> flown(PoolState.Entry<M> entry) throws InterruptedException {
    if (entry instanceof PoolState.Entry.Lead<M> lead) {
      loader.load(lead.flight());
      return lead.flight();
    }
    Flight<M> flight = ((PoolState.Entry.Join<M>) entry).flight();
    try {
      flight.await();
    } catch (InterruptedException e) {
      state.leave(flight).ifPresent(Resident::free);
      throw e;
    }
    return flight;
  }

  private AdapterLease<M> lease(Resident<M> resident) {
    return new AdapterLease<>(resident, () -> release(resident));
  }

  private void release(Resident<M> resident) {
    if (state.release(resident)) {
      resident.free();
    }
  }

  private static String refusal(String id, PoolState.Entry.Refused<?> refused) {
    return "adapter '%s' could not be loaded just now, and is not tried again for %d ms: %s"
        .formatted(id, refused.nanosLeft() / 1_000_000, reason(refused.cause()));
  }

  private static String reason(Exception cause) {
    return Objects.requireNonNullElse(cause.getMessage(), cause.getClass().getName());
  }

  /** Everybody's own: a stack trace shared by threads is wrong for all but one. */
  private IOException failure(String id, Exception cause) {
    if (cause instanceof AdapterPoolFullException full) {
      AdapterPoolFullException own = new AdapterPoolFullException(id, reason(full));
      own.initCause(full);
      throw own;
    }
    if (state.isClosed()) {
      throw PoolState.closedException();
    }
    return new AdapterLoadException(
        id, "adapter '%s' could not be loaded: %s".formatted(id, reason(cause)), cause);
  }

  /**
   * Keeps an adapter from leaving, loading it if it is not resident. The id stays pinned until
   * {@link #unpin}, also when it is {@linkplain #invalidate invalidated} meanwhile.
   *
   * @param id what names it in the source
   * @throws AdapterLoadException if it cannot be loaded; it is not pinned then
   * @throws IOException never of another kind
   * @throws AdapterPoolFullException if it does not fit beside those that are in use; it is not
   *     pinned then
   * @throws InterruptedException if the thread is interrupted; it is not pinned then
   * @throws IllegalStateException if the pool is closed
   */
  public void pin(String id) throws IOException, InterruptedException {
    try (AdapterLease<M> lease = acquire(id)) { // leased, it cannot leave in between
      state.pin(lease.id());
    }
  }

  /**
   * Lets an adapter leave again when room is needed.
   *
   * @param id what names it in the source
   * @return whether it was pinned
   */
  public boolean unpin(String id) {
    return state.unpin(Objects.requireNonNull(id, "id"));
  }

  /**
   * Makes the next request for an adapter load it afresh, e.g. because its source has a new one. A
   * remembered failure is forgotten too. Requests that have the old one finish on it.
   *
   * @param id what names it in the source
   * @return whether it was resident
   */
  public boolean invalidate(String id) {
    Optional<Resident<M>> resident = state.retire(Objects.requireNonNull(id, "id"));
    resident.ifPresent(this::evicted);
    return resident.isPresent();
  }

  private void evicted(Resident<M> resident) {
    events.send(AdapterPoolListener::onEvicted, () -> resident.event(nanoTime.getAsLong()));
    release(resident);
  }

  /**
   * Figures of this moment.
   *
   * @return all of the same moment
   */
  public AdapterPoolSnapshot snapshot() {
    return state.snapshot();
  }

  /**
   * Gives the memory of all adapters back, of those in use when their last lease ends; the base
   * stays. Closing twice does nothing.
   */
  @Override
  public void close() {
    state.close().forEach(this::evicted);
  }

  /**
   * Collects what a pool needs.
   *
   * @param <M> type of the model
   */
  public static final class Builder<M> {
    private final M base;
    private final AdapterSource source;
    private final List<AdapterPoolListener> listeners = new ArrayList<>();
    private long byteBudget;
    private Duration failureCache = Duration.ofSeconds(5);
    private LongSupplier nanoTime = System::nanoTime;

    private Builder(M base, AdapterSource source) {
      this.base = Objects.requireNonNull(base, "base");
      this.source = Objects.requireNonNull(source, "source");
    }

    /**
     * Sets how much native memory adapters may hold. While one leaves, its memory may for a moment
     * be there beside what another thread takes.
     *
     * @param byteBudget bytes, 4 for each parameter of an adapter; see {@link
     *     PeftModel#nativeBytes()}
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder<M> byteBudget(long byteBudget) {
      if (byteBudget <= 0) {
        throw new IllegalArgumentException("byteBudget must be positive, got " + byteBudget);
      }
      this.byteBudget = byteBudget;
      return this;
    }

    /**
     * Sets for how long a failure to load is remembered and told to whoever asks; 5 seconds if not
     * called. At most 1,000 are.
     *
     * @param failureCache zero to try again at every request
     * @return this
     * @throws IllegalArgumentException if it is negative
     */
    public Builder<M> failureCache(Duration failureCache) {
      if (failureCache.isNegative()) {
        throw new IllegalArgumentException(
            "failureCache must not be negative, got " + failureCache);
      }
      this.failureCache = failureCache;
      return this;
    }

    /**
     * Adds somebody to be told what the pool does.
     *
     * @param listener called in the order of adding
     * @return this
     */
    public Builder<M> listener(AdapterPoolListener listener) {
      listeners.add(Objects.requireNonNull(listener, "listener"));
      return this;
    }

    /**
     * Sets the clock; {@link System#nanoTime} if not called.
     *
     * @param nanoTime nanoseconds from any start
     * @return this
     */
    public Builder<M> clock(LongSupplier nanoTime) {
      this.nanoTime = Objects.requireNonNull(nanoTime, "nanoTime");
      return this;
    }

    /**
     * Makes the pool; nothing is loaded yet.
     *
     * @return to be closed by the caller, before the base
     * @throws IllegalArgumentException if no budget was given
     * @throws LoraException if no engine on the class path adapts the base
     */
    public AdapterPool<M> build() {
      if (byteBudget == 0) {
        throw new IllegalArgumentException(
            "a pool needs byteBudget: how many bytes of native memory adapters may hold");
      }
      return new AdapterPool<>(this);
    }
  }
}
