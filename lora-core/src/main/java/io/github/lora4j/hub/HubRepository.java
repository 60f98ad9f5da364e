package io.github.lora4j.hub;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A repository on the hub, by its kind and id.
 *
 * @param kind what it holds
 * @param id {@code organisation/name} or, for a few old ones, {@code name}
 * @since 0.1.0
 */
public record HubRepository(Kind kind, String id) {

  /** What a repository holds. */
  public enum Kind {
    /** A model or an adapter. */
    MODEL("model", ""),
    /** A data set. */
    DATASET("dataset", "datasets/");

    private final String type;
    private final String prefix;

    Kind(String type, String prefix) {
      this.type = type;
      this.prefix = prefix;
    }
  }

  private static final int MOST_CHARACTERS = 96;

  /** The hub's rule for a name; it keeps both parts safe as names of directories. */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?");

  /**
   * Checks the id against the hub's rules.
   *
   * @throws IllegalArgumentException if it is no id
   */
  public HubRepository {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(id, "id");
    if (!isId(id)) {
      throw new IllegalArgumentException(
          ("'%s' is no id of a repository; wanted 'organisation/name' of letters, digits, '-', '_'"
                  + " and '.', at most %d characters a part, without '--' and '..'")
              .formatted(HubText.printable(id), MOST_CHARACTERS));
    }
  }

  /**
   * A repository of a model or an adapter.
   *
   * @param id {@code organisation/name}
   * @return the repository
   * @throws IllegalArgumentException if it is no id
   */
  public static HubRepository model(String id) {
    return new HubRepository(Kind.MODEL, id);
  }

  /**
   * A repository of data.
   *
   * @param id {@code organisation/name}
   * @return the repository
   * @throws IllegalArgumentException if it is no id
   */
  public static HubRepository dataset(String id) {
    return new HubRepository(Kind.DATASET, id);
  }

  /**
   * Whether a text can be an id at all.
   *
   * @param text anything
   * @return false for what no hub would accept, such as an absolute path
   */
  public static boolean isId(String text) {
    String[] parts = text.split("/", -1);
    if (parts.length > 2 || text.contains("--") || text.contains("..") || text.endsWith(".git")) {
      return false;
    }
    for (String part : parts) {
      if (part.length() > MOST_CHARACTERS || !NAME.matcher(part).matches()) {
        return false;
      }
    }
    return true;
  }

  /** What the hub calls its kind: {@code model}. */
  String type() {
    return kind.type;
  }

  /** Where the hub's programming interface has it: {@code /api/models/me/x}. */
  String api() {
    return "/api/" + kind.type + "s/" + id;
  }

  /** Where its files are: {@code /datasets/me/x}. */
  String web() {
    return "/" + kind.prefix + id;
  }

  /** Its directory in the cache: {@code models--me--x}. */
  String folder() {
    return kind.type + "s--" + id.replace("/", "--");
  }

  @Override
  public String toString() {
    return kind == Kind.DATASET ? "dataset '" + id + "'" : "'" + id + "'";
  }
}
