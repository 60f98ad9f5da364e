package io.github.lora4j.djl.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** Dates as Python's {@code strftime} writes them in English. */
final class Strftime {

  private Strftime() {}

  static String format(LocalDateTime time, String format) {
    Work.pay(32L * format.length());
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        text.append(c);
        continue;
      }
      char code = format.charAt(++i);
      boolean bare = code == '-' && i + 1 < format.length();
      if (bare) {
        code = format.charAt(++i);
      }
      String part = part(time, code);
      text.append(bare ? part.replaceFirst("^[0 ]+(?=.)", "") : part);
    }
    return text.toString();
  }

  private static String part(LocalDateTime time, char code) {
    return switch (code) {
      case 'a' -> pattern(time, "EEE");
      case 'A' -> pattern(time, "EEEE");
      case 'b', 'h' -> pattern(time, "MMM");
      case 'B' -> pattern(time, "MMMM");
      case 'c' -> format(time, "%a %b %e %H:%M:%S %Y");
      case 'C' -> "%02d".formatted(time.getYear() / 100);
      case 'd' -> pattern(time, "dd");
      case 'D', 'x' -> format(time, "%m/%d/%y");
      case 'e' -> "%2d".formatted(time.getDayOfMonth());
      case 'f' -> "%06d".formatted(time.get(ChronoField.MICRO_OF_SECOND));
      case 'F' -> format(time, "%Y-%m-%d");
      case 'G' -> String.valueOf(time.get(IsoFields.WEEK_BASED_YEAR));
      case 'H' -> pattern(time, "HH");
      case 'I' -> pattern(time, "hh");
      case 'j' -> pattern(time, "DDD");
      case 'm' -> pattern(time, "MM");
      case 'M' -> pattern(time, "mm");
      case 'n' -> "\n";
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'R' -> format(time, "%H:%M");
      case 'S' -> pattern(time, "ss");
      case 't' -> "\t";
      case 'T', 'X' -> format(time, "%H:%M:%S");
      case 'u' -> String.valueOf(time.get(ChronoField.DAY_OF_WEEK));
      case 'V' -> "%02d".formatted(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
      case 'w' -> String.valueOf(time.get(ChronoField.DAY_OF_WEEK) % 7);
      case 'y' -> "%02d".formatted(time.getYear() % 100);
      case 'Y' -> String.valueOf(time.getYear());
      case 'z', 'Z' -> ""; // a time without a zone
      case '%' -> "%";
      default -> throw new JinjaException("strftime_now knows no '%" + code + "'");
    };
  }

  private static String pattern(LocalDateTime time, String pattern) {
    return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
  }
}
