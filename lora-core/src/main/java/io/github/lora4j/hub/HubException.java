package io.github.lora4j.hub;

import java.io.IOException;
import java.util.Objects;

/**
 * The hub could not give or take what was asked. {@link #kind()} says why in a way that a program
 * can act on, the message what to do about it. No message ever holds the token.
 *
 * @since 0.1.0
 */
public final class HubException extends IOException {

  private static final long serialVersionUID = 1L;

  /** Why it could not. */
  public enum Kind {
    /** There is no such repository, or it is private and the token may not see it. */
    REPOSITORY_NOT_FOUND,
    /** The repository has no such branch, tag or commit. */
    REVISION_NOT_FOUND,
    /** The repository has no such file at this revision. */
    FILE_NOT_FOUND,
    /** The repository's owner wants to be asked first. */
    GATED,
    /** A token is wanted, or the hub does not know this one. */
    UNAUTHORISED,
    /** The token is known and may not do this. */
    FORBIDDEN,
    /** The network is not to be used, and the cache has not what was asked for. */
    OFFLINE,
    /** Too many requests, for longer than the client waits. */
    RATE_LIMITED,
    /** The hub, or a host that it points to, does not answer in time, or fails. */
    UNAVAILABLE,
    /** What arrived is not what was announced, by length or by hash. */
    DAMAGED,
    /** The disk has not enough room. */
    DISK_FULL,
    /**
     * The answer breaks the protocol: redirects without end, a path that leads out of the cache.
     */
    REFUSED,
    /** What is there already contradicts what was to be written. */
    CONFLICT
  }

  private final Kind kind;

  HubException(Kind kind, String message) {
    super(message);
    this.kind = Objects.requireNonNull(kind, "kind");
  }

  HubException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = Objects.requireNonNull(kind, "kind");
  }

  /**
   * Why it could not.
   *
   * @return e.g. {@link Kind#GATED}
   */
  public Kind kind() {
    return kind;
  }
}
