package io.github.lora4j.hub;

import java.util.regex.Pattern;

/** Names from the network and from callers that become parts of paths: none may lead out. */
final class HubPath {

  private static final int MOST_CHARACTERS = 1000;
  private static final int MOST_IN_A_PART = 255;
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern ETAG = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

  private HubPath() {}

  /** Whether a revision is a full commit hash, which never means anything else later. */
  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  /** Whether an entity tag is a hash that content can be checked against. */
  static boolean isHash(String etag) {
    return ETAG.matcher(etag).matches();
  }

  /** Whether a name of a file in a repository is safe below a directory, on every system. */
  static boolean isFile(String name) {
    if (name.isEmpty() || name.length() > MOST_CHARACTERS) {
      return false;
    }
    if (name.chars().anyMatch(c -> Character.isISOControl(c) || c == '\\' || c == ':')) {
      return false; // a step or a drive on Windows; a name there would also be a stream's
    }
    for (String part : name.split("/", -1)) {
      if (part.isEmpty()
          || part.chars().allMatch(c -> c == '.' || c == ' ') // Windows drops some at the end
          || part.length() > MOST_IN_A_PART) {
        return false;
      }
    }
    return true;
  }

  /** Refuses a caller's name of a file. */
  static String requireFile(String name) {
    if (!isFile(name)) {
      throw new IllegalArgumentException(
          ("'%s' is no name of a file in a repository; wanted names joined by '/', none of them '.'"
                  + " or '..', without backslashes, colons and control characters")
              .formatted(HubText.printable(name)));
    }
    return name;
  }

  /** Refuses the hub's name of a file. */
  static String requireHonest(String name, HubRepository repository) throws HubException {
    if (!isFile(name)) {
      throw new HubException(
          HubException.Kind.REFUSED,
          "%s has a file named '%s', which would lead out of the cache; nothing was written"
              .formatted(repository, HubText.printable(name)));
    }
    return name;
  }

  /** Refuses what cannot be a branch, a tag or a commit. */
  static String requireRevision(String revision) {
    if (!isFile(revision) || revision.startsWith("-")) {
      throw new IllegalArgumentException(
          "revision must be a branch, a tag or a commit such as 'main', got '%s'"
              .formatted(HubText.printable(revision)));
    }
    return revision;
  }
}
