package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How long to wait before a request is repeated: as long as the hub asks, else 1, 2, 4, 8 s. */
final class HubBackoff {

  /** The hub counts requests by windows of five minutes; who asks for more wants us to stop. */
  static final Duration LONGEST = Duration.ofSeconds(310);

  private static final Duration LONGEST_OWN = Duration.ofSeconds(8);
  private static final Set<Integer> PASSING = Set.of(408, 429, 500, 502, 503, 504);

  /** E.g. {@code "api";r=0;t=55}: none remaining, more in 55 s. */
  private static final Pattern WINDOW =
      Pattern.compile(";\\s*r\\s*=\\s*(\\d{1,9})\\s*;\\s*t\\s*=\\s*(\\d{1,9})");

  private final HubTime time;

  HubBackoff(HubTime time) {
    this.time = time;
  }

  /** Whether the same request may be answered later. */
  static boolean isPassing(int status) {
    return PASSING.contains(status);
  }

  /** How long the hub asks to wait. */
  Optional<Duration> asked(HubReply reply) {
    if (reply.status() == 429) {
      Matcher window = WINDOW.matcher(reply.header("RateLimit").orElse(""));
      if (window.find() && Integer.parseInt(window.group(1)) == 0) {
        return Optional.of(Duration.ofSeconds(Long.parseLong(window.group(2)) + 1));
      }
    }
    return reply.header("Retry-After").map(String::strip).flatMap(this::retryAfter);
  }

  private Optional<Duration> retryAfter(String value) {
    if (value.matches("\\d{1,9}")) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(value)));
    }
    try {
      ZonedDateTime date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME);
      Duration wait = Duration.between(time.now(), date.toInstant());
      return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
    } catch (DateTimeException e) {
      return Optional.empty(); // says nothing that can be kept to
    }
  }

  /** How long to wait where nobody asks. */
  static Duration own(int failures) {
    Duration wait = Duration.ofSeconds(1L << Math.min(failures, 10));
    return wait.compareTo(LONGEST_OWN) < 0 ? wait : LONGEST_OWN;
  }

  void pause(Duration duration) throws IOException {
    try {
      time.pause(duration);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted while waiting").initCause(e);
    }
  }
}
