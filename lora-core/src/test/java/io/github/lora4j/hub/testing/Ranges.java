package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sends all of some bytes or the range that was asked for. */
public final class Ranges {

  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");

  private Ranges() {}

  /** The first byte asked for; 0 without a range. */
  public static int start(DoubleExchange exchange) {
    Matcher range = RANGE.matcher(exchange.header("Range").orElse(""));
    return range.matches() ? Integer.parseInt(range.group(1)) : 0;
  }

  /** Answers with status 200, 206 or 416. */
  public static boolean send(DoubleExchange exchange, byte[] bytes) throws IOException {
    Matcher range = RANGE.matcher(exchange.header("Range").orElse(""));
    if (!range.matches()) {
      return exchange.bytes(200, bytes);
    }
    int from = Integer.parseInt(range.group(1));
    int to =
        range.group(2).isEmpty()
            ? bytes.length
            : Math.min(bytes.length, Integer.parseInt(range.group(2)) + 1);
    if (from >= bytes.length) {
      exchange.set("Content-Range", "bytes */" + bytes.length);
      return exchange.bytes(416, new byte[0]);
    }
    exchange.set("Content-Range", "bytes %d-%d/%d".formatted(from, to - 1, bytes.length));
    return exchange.bytes(206, Arrays.copyOfRange(bytes, from, to));
  }
}
