package io.github.lora4j;

import java.time.Duration;
import java.util.Optional;

/** An adapter in a pool's memory. What may change is guarded by the pool's state. */
final class Resident<M> {

  private final String id;
  private final PeftModel<M> peft;
  private final PeftModel<M> lent;
  private final String sha256;
  private final long bytes;
  private final long since;

  /** Leases that are out. */
  int leases;

  /** Whether nobody finds it any more, and the last lease closes it. */
  boolean retired;

  Resident(String id, PeftModel<M> peft, String sha256, long since) {
    this.id = id;
    this.peft = peft;
    this.lent = peft.lent();
    this.sha256 = sha256;
    this.bytes = peft.nativeBytes();
    this.since = since;
  }

  String id() {
    return id;
  }

  PeftModel<M> lent() {
    return lent;
  }

  String sha256() {
    return sha256;
  }

  long bytes() {
    return bytes;
  }

  /** Gives the memory back; not under the pool's lock. */
  void free() {
    peft.close();
  }

  AdapterPoolEvent event(long now) {
    return new AdapterPoolEvent(
        id, bytes, Optional.of(sha256), Duration.ofNanos(now - since), Optional.empty());
  }

  AdapterPoolEvent loaded(long started) {
    return new AdapterPoolEvent(
        id, bytes, Optional.of(sha256), Duration.ofNanos(since - started), Optional.empty());
  }
}
