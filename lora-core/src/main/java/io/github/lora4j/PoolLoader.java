package io.github.lora4j;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Loads adapters of a pool, on the thread that asks. */
final class PoolLoader<M> {

  private final M base;
  private final AdapterSource source;
  private final PoolState<M> state;
  private final PoolEvents events;
  private final LongSupplier nanoTime;

  PoolLoader(
      M base, AdapterSource source, PoolState<M> state, PoolEvents events, LongSupplier nanoTime) {
    this.base = base;
    this.source = source;
    this.state = state;
    this.events = events;
    this.nanoTime = nanoTime;
  }

  /**
   * Loads an adapter. When this ends, in whatever way, the flight has landed.
   *
   * @throws InterruptedException if the thread was interrupted meanwhile; those who wait try again
   */
  void load(Flight<M> flight) throws InterruptedException {
    long started = nanoTime.getAsLong();
    try {
      Resident<M> loaded = resident(flight);
      state.land(flight, loaded);
      events.send(AdapterPoolListener::onLoaded, () -> loaded.loaded(started));
    } catch (IOException | RuntimeException e) {
      if (isInterrupt(e)) {
        throw interrupted(e);
      }
      long now = nanoTime.getAsLong();
      // what is full now may not be at the next moment
      state.fail(flight, e, !(e instanceof AdapterPoolFullException), now);
      events.send(AdapterPoolListener::onFailed, () -> failed(flight, e, now - started));
    } finally {
      if (!flight.isLanded()) {
        state.abandon(flight);
      }
    }
  }

  private Resident<M> resident(Flight<M> flight) throws IOException {
    return AdapterReader.read(
        base, source.fetch(flight.id()), true, loaded -> resident(flight, loaded));
  }

  private Resident<M> resident(Flight<M> flight, AdapterReader.Loaded loaded) {
    AdapterState adapter = AdapterState.of(loaded, base);
    free(state.reserve(flight, Float.BYTES * adapter.elements()));
    PeftModel<M> peft = PeftModel.view(base, adapter, false);
    try {
      free(state.reserve(flight, peft.nativeBytes())); // if the engine keeps other types
      return new Resident<>(flight.id(), peft, loaded.sha256().orElseThrow(), nanoTime.getAsLong());
    } catch (RuntimeException e) {
      peft.close();
      throw e;
    }
  }

  private void free(List<Resident<M>> leaving) {
    for (Resident<M> resident : leaving) {
      resident.free();
      events.send(AdapterPoolListener::onEvicted, () -> resident.event(nanoTime.getAsLong()));
    }
  }

  private static boolean isInterrupt(Exception e) {
    return Thread.currentThread().isInterrupted()
        || e instanceof ClosedByInterruptException
        || (e instanceof InterruptedIOException && !(e instanceof SocketTimeoutException));
  }

  private static InterruptedException interrupted(Exception cause) {
    Thread.interrupted(); // the exception says it from here on
    InterruptedException interrupted = new InterruptedException("while loading an adapter");
    interrupted.initCause(cause);
    return interrupted;
  }

  private static AdapterPoolEvent failed(Flight<?> flight, Exception cause, long nanos) {
    return new AdapterPoolEvent(
        flight.id(), 0, Optional.empty(), Duration.ofNanos(nanos), Optional.of(cause));
  }
}
