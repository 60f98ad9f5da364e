package io.github.lora4j;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The right to use an adapter of a pool: until it is closed, the adapter stays in memory.
 *
 * <pre>{@code
 * try (AdapterLease<CausalLm> lease = pool.acquire("acme/mail")) {
 *   return TextGenerator.of(lease.model()).generate(prompt, options);
 * }
 * }</pre>
 *
 * <p>May be passed from thread to thread.
 *
 * @param <M> type of the model
 * @since 0.1.0
 */
public final class AdapterLease<M> implements AutoCloseable {

  private final Resident<M> resident;
  private final Runnable giveBack;
  private final AtomicBoolean closed = new AtomicBoolean();

  AdapterLease(Resident<M> resident, Runnable giveBack) {
    this.resident = resident;
    this.giveBack = giveBack;
  }

  /**
   * What names the adapter in the pool's source.
   *
   * @return the id that was asked for
   */
  public String id() {
    return resident.id();
  }

  /**
   * Hash of the adapter's file of weights, for records of what answered a request.
   *
   * @return SHA-256 in 64 hexadecimal digits
   */
  public String sha256() {
    return resident.sha256();
  }

  /**
   * The view. It is the pool's: closing it does nothing, replacing it is refused.
   *
   * @return to be used until this lease is closed
   * @throws IllegalStateException if this lease is closed
   */
  public PeftModel<M> peft() {
    if (closed.get()) {
      throw new IllegalStateException(
          "the lease of adapter '%s' is closed; acquire it again".formatted(id()));
    }
    return resident.lent();
  }

  /**
   * The model with the adapter applied.
   *
   * @return to be used until this lease is closed
   * @throws IllegalStateException if this lease is closed
   */
  public M model() {
    return peft().model();
  }

  /** Ends the use. Closing twice does nothing. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      giveBack.run();
    }
  }
}
