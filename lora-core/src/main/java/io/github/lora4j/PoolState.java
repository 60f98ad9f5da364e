package io.github.lora4j;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a pool knows, under one lock that is held for a few look-ups only: nothing is read, copied
 * or freed under it, and no method depends on how many adapters are resident, but closing.
 */
final class PoolState<M> {

  /** What becomes of a request. */
  sealed interface Entry<M> {

    /** The adapter is resident; a lease of it is counted. */
    record Hit<M>(Resident<M> resident) implements Entry<M> {}

    /** Somebody loads it; one who waits is counted. */
    record Join<M>(Flight<M> flight) implements Entry<M> {}

    /** The caller has to load it. */
    record Lead<M>(Flight<M> flight) implements Entry<M> {}

    /** It could not be loaded a short while ago. */
    record Refused<M>(Exception cause, long nanosLeft) implements Entry<M> {}
  }

  private final long budget;
  private final RecentFailures recentFailures;
  private final Map<String, Resident<M>> residents = new HashMap<>();
  private final Map<String, Flight<M>> flights = new HashMap<>();
  private final Set<String> pinned = new HashSet<>();

  /** Those that may leave, the one used longest ago first. */
  private final Set<Resident<M>> idle = new LinkedHashSet<>();

  private long bytes;
  private long idleBytes;
  private int held;
  private int inUse;
  private long hits;
  private long misses;
  private long loads;
  private long failures;
  private long evictions;
  private boolean closed;

  PoolState(long budget, long failuresKeptNanos) {
    this.budget = budget;
    this.recentFailures = new RecentFailures(failuresKeptNanos);
  }

  /**
   * A request.
   *
   * @param again whether it is counted already
   */
  synchronized Entry<M> enter(String id, boolean again, long now) {
    requireOpen();
    Resident<M> resident = residents.get(id);
    if (resident != null) {
      hits += again ? 0 : 1;
      take(resident);
      return new Entry.Hit<>(resident);
    }
    misses += again ? 0 : 1;
    Flight<M> flight = flights.get(id);
    if (flight != null) {
      flight.waiting++;
      return new Entry.Join<>(flight);
    }
    Optional<RecentFailures.Failure> failure = recentFailures.find(id, now);
    if (failure.isPresent()) {
      long left = recentFailures.nanosLeft(failure.get(), now);
      return new Entry.Refused<>(failure.get().cause(), left);
    }
    Flight<M> own = new Flight<>(id);
    flights.put(id, own);
    return new Entry.Lead<>(own);
  }

  private void requireOpen() {
    if (closed) {
      throw closedException();
    }
  }

  static IllegalStateException closedException() {
    return new IllegalStateException("the pool is closed");
  }

  synchronized boolean isClosed() {
    return closed;
  }

  private void take(Resident<M> resident) {
    if (resident.leases == 0) {
      inUse++;
      setIdle(resident, false);
    }
    resident.leases++;
  }

  private void setIdle(Resident<M> resident, boolean value) {
    if (value ? idle.add(resident) : idle.remove(resident)) {
      idleBytes += value ? resident.bytes() : -resident.bytes();
    }
  }

  /**
   * Ends a lease.
   *
   * @return whether it was the last one of a retired adapter, which the caller now frees
   */
  synchronized boolean release(Resident<M> resident) {
    resident.leases--;
    if (resident.leases > 0) {
      return false;
    }
    inUse--;
    if (resident.retired) {
      held--;
      bytes -= resident.bytes();
      return true;
    }
    setIdle(resident, !pinned.contains(resident.id()));
    return false;
  }

  /**
   * Reserves budget for a flight, in all so much as given.
   *
   * @return adapters that have left for it, which the caller now frees
   * @throws LoraException if it exceeds the whole budget
   * @throws AdapterPoolFullException if it exceeds what is not in use
   */
  synchronized List<Resident<M>> reserve(Flight<M> flight, long wanted) {
    requireOpen();
    if (wanted > budget) {
      throw new LoraException(
          "adapter '%s' needs %,d bytes of native memory, the pool's whole budget is %,d; give the pool more"
              .formatted(flight.id(), wanted, budget));
    }
    long more = wanted - flight.reserved;
    if (bytes - idleBytes + more > budget) {
      throw new AdapterPoolFullException(flight.id(), full(flight, wanted));
    }
    List<Resident<M>> leaving = new ArrayList<>();
    Iterator<Resident<M>> oldest = idle.iterator();
    while (bytes + more > budget) {
      Resident<M> victim = oldest.next();
      oldest.remove();
      residents.remove(victim.id());
      idleBytes -= victim.bytes();
      bytes -= victim.bytes();
      held--;
      evictions++;
      leaving.add(victim);
    }
    bytes += more;
    flight.reserved = wanted;
    return leaving;
  }

  private String full(Flight<M> flight, long wanted) {
    long loading = flights.values().stream().filter(other -> other != flight).count();
    return ("adapter '%s' needs %,d bytes of native memory; of the pool's budget of %,d, %,d are in use:"
            + " %d adapters are leased, %d pinned, %d being loaded; close leases, unpin, or give the"
            + " pool more")
        .formatted(flight.id(), wanted, budget, bytes - idleBytes, inUse, pinned.size(), loading);
  }

  /** A flight ends with an adapter: everybody who waits for it gets a lease. */
  synchronized void land(Flight<M> flight, Resident<M> loaded) {
    flights.remove(flight.id(), flight);
    loads++;
    held++;
    inUse++;
    loaded.leases = 1 + flight.waiting;
    if (flight.stale || closed) {
      loaded.retired = true;
    } else {
      residents.put(flight.id(), loaded);
    }
    flight.land(loaded);
  }

  /** A flight ends with a failure. */
  synchronized void fail(Flight<M> flight, Exception cause, boolean remember, long now) {
    forget(flight);
    failures++;
    if (remember && !flight.stale && !closed) {
      recentFailures.add(flight.id(), cause, now);
    }
    flight.fail(cause);
  }

  /** A flight ends with neither, because its thread was stopped: another one tries. */
  synchronized void abandon(Flight<M> flight) {
    forget(flight);
    flight.abandon();
  }

  private void forget(Flight<M> flight) {
    flights.remove(flight.id(), flight);
    bytes -= flight.reserved;
    flight.reserved = 0;
  }

  /**
   * Somebody does not wait for a flight any longer.
   *
   * @return an adapter that the caller now frees
   */
  synchronized Optional<Resident<M>> leave(Flight<M> flight) {
    if (flight.isLanded()) {
      return flight.resident().filter(this::release);
    }
    flight.waiting--;
    return Optional.empty();
  }

  /** Keeps an adapter that the caller has a lease of. */
  synchronized void pin(String id) {
    requireOpen();
    pinned.add(id);
  }

  synchronized boolean unpin(String id) {
    Resident<M> resident = residents.get(id);
    if (resident != null && resident.leases == 0) {
      setIdle(resident, true);
    }
    return pinned.remove(id);
  }

  /**
   * Makes the next request load afresh.
   *
   * @return the adapter, of which the caller has a lease
   */
  synchronized Optional<Resident<M>> retire(String id) {
    recentFailures.remove(id);
    Flight<M> flight = flights.remove(id);
    if (flight != null) {
      flight.stale = true;
    }
    Optional<Resident<M>> resident = Optional.ofNullable(residents.remove(id));
    resident.ifPresent(this::retire);
    return resident;
  }

  private void retire(Resident<M> resident) {
    take(resident);
    resident.retired = true;
    evictions++;
  }

  /**
   * Ends all; what is leased or being loaded goes with its last lease.
   *
   * @return adapters of which the caller has a lease each
   */
  synchronized List<Resident<M>> close() {
    closed = true;
    pinned.clear();
    List<Resident<M>> all = new ArrayList<>(residents.values());
    residents.clear();
    all.forEach(this::retire);
    return all;
  }

  synchronized AdapterPoolSnapshot snapshot() {
    return new AdapterPoolSnapshot(
        held, bytes, budget, inUse, pinned.size(), hits, misses, loads, failures, evictions);
  }
}
