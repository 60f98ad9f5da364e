package io.github.lora4j.hub;

import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Texts that come from the network or go into an address. */
final class HubText {

  /** More of a foreign text helps nobody. */
  private static final int MOST_SHOWN = 300;

  private HubText() {}

  /** A foreign text for a message: short, and nothing that moves a terminal's cursor. */
  static String printable(String text) {
    String shown = text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "…" : text;
    return shown.replaceAll("\\p{Cntrl}", "?");
  }

  /** An address for a message: without its query, which of a signed address is a secret. */
  static String shown(URI address) {
    String text = address.toString();
    int query = text.indexOf('?');
    return printable(query < 0 ? text : text.substring(0, query));
  }

  /** An entity tag without its quotes and its mark of weakness. */
  static String bareTag(String etag) {
    String text = etag.strip();
    return (text.startsWith("W/") ? text.substring(2) : text).replace("\"", "");
  }

  /** One segment of an address. */
  static String segment(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** Segments of an address, joined by /. */
  static String path(String file) {
    return Arrays.stream(file.split("/", -1))
        .map(HubText::segment)
        .collect(Collectors.joining("/"));
  }

  static String bytes(long bytes) {
    if (bytes < 1000) {
      return bytes + " bytes";
    }
    String[] units = {"kB", "MB", "GB", "TB"};
    double value = bytes / 1e3;
    int unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.3g %s", value, units[unit]);
  }
}
