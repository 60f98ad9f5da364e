package io.github.lora4j.hub;

import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Texts that come from the network or go into an address. */
final class HubText {

  /** More of a foreign text helps nobody. */
  private static final int MOST_SHOWN = 300;

  /** Controls of a terminal, also those beyond ASCII, and what turns the direction of writing. */
  private static final Pattern UNSEEN = Pattern.compile("[\\p{Cc}\\p{Cf}\\u2028\\u2029]");

  /** A user before the host. */
  private static final Pattern USER = Pattern.compile("^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@");

  private HubText() {}

  /** A foreign text for a message: short, and nothing that moves a terminal's cursor. */
  static String printable(String text) {
    String shown = text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "…" : text;
    return UNSEEN.matcher(shown).replaceAll("?");
  }

  /**
   * An address for a message: without a user, whose password is a secret, and without its query,
   * which of a signed address is one.
   */
  static String shown(URI address) {
    return shown(address.toString());
  }

  /** The same of what may be no address. */
  static String shown(String address) {
    String text = USER.matcher(address).replaceFirst("$1");
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
