package io.github.lora4j.hub;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Which files of a repository are wanted, by patterns as Python's hub tool takes them: {@code *}
 * stands for any characters, {@code /} included, {@code ?} for one, {@code [ab]} for one of some; a
 * pattern that ends in {@code /} means all below.
 *
 * <pre>{@code
 * HubPatterns wanted = HubPatterns.of("*.json", "*.safetensors").except("optimizer/");
 * }</pre>
 *
 * @since 0.1.0
 */
public final class HubPatterns {

  private final List<Pattern> allowed;
  private final List<Pattern> ignored;

  private HubPatterns(List<Pattern> allowed, List<Pattern> ignored) {
    this.allowed = allowed;
    this.ignored = ignored;
  }

  /**
   * All files.
   *
   * @return matches everything
   */
  public static HubPatterns all() {
    return of("*");
  }

  /**
   * Files that match one pattern at least.
   *
   * @param patterns e.g. {@code *.json}
   * @return the patterns
   */
  public static HubPatterns of(String... patterns) {
    return new HubPatterns(compiled(patterns), List.of());
  }

  /**
   * The same without files that match one of these.
   *
   * @param patterns e.g. {@code *.bin}
   * @return other patterns
   */
  public HubPatterns except(String... patterns) {
    List<Pattern> more = new ArrayList<>(ignored);
    more.addAll(compiled(patterns));
    return new HubPatterns(allowed, List.copyOf(more));
  }

  /**
   * Whether a file is wanted.
   *
   * @param name within the repository
   * @return true if it matches an allowed pattern and none of the others
   */
  public boolean matches(String name) {
    return allowed.stream().anyMatch(p -> p.matcher(name).matches())
        && ignored.stream().noneMatch(p -> p.matcher(name).matches());
  }

  List<String> choose(Collection<String> names) {
    return names.stream().filter(this::matches).toList();
  }

  private static List<Pattern> compiled(String... patterns) {
    List<Pattern> result = new ArrayList<>();
    for (String pattern : patterns) {
      result.add(compiled(pattern.endsWith("/") ? pattern + "*" : pattern));
    }
    return List.copyOf(result);
  }

  private static Pattern compiled(String pattern) {
    StringBuilder regex = new StringBuilder();
    int i = 0;
    while (i < pattern.length()) {
      char c = pattern.charAt(i);
      int close = c == '[' ? pattern.indexOf(']', i + 2) : -1;
      if (c == '*') {
        regex.append(".*");
      } else if (c == '?') {
        regex.append('.');
      } else if (close > 0) {
        regex.append(oneOf(pattern.substring(i + 1, close)));
        i = close;
      } else {
        regex.append(Pattern.quote(String.valueOf(c)));
      }
      i++;
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  private static String oneOf(String characters) {
    boolean not = characters.startsWith("!");
    String rest = not ? characters.substring(1) : characters;
    return "[" + (not ? "^" : "") + rest.replaceAll("([\\[\\]\\\\^&])", "\\\\$1") + "]";
  }
}
