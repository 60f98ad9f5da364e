package io.github.lora4j.hub.testing;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A repository of the double: commits, and branches and tags that point to them. */
public final class DoubleRepository {

  private final String kind;
  private final String id;
  private final Map<String, Map<String, DoubleFile>> commits = new LinkedHashMap<>();
  private final Map<String, String> messages = new LinkedHashMap<>();
  private final Map<String, String> revisions = new TreeMap<>();
  private boolean isPrivate;
  private boolean gated;

  DoubleRepository(String kind, String id) {
    this.kind = kind;
    this.id = id;
  }

  /** {@code models} or {@code datasets}. */
  public String kind() {
    return kind;
  }

  public String id() {
    return id;
  }

  /** Hides it from all without a token that the double knows. */
  public DoubleRepository makePrivate() {
    isPrivate = true;
    return this;
  }

  /** Shows it to all, but gives its files to nobody without a known token. */
  public DoubleRepository makeGated() {
    gated = true;
    return this;
  }

  public boolean isPrivate() {
    return isPrivate;
  }

  public boolean isGated() {
    return gated;
  }

  /** Adds text files to main, on top of what is there. */
  public synchronized String commitText(Map<String, String> files) {
    Map<String, DoubleFile> changes = new TreeMap<>();
    files.forEach(
        (name, text) ->
            changes.put(name, DoubleFile.named(name, text.getBytes(StandardCharsets.UTF_8))));
    return commit("main", "Add files", changes, java.util.Set.of());
  }

  /** Adds a file to main, on top of what is there. */
  public synchronized String commit(String name, byte[] bytes) {
    return commit(
        "main", "Add " + name, Map.of(name, DoubleFile.named(name, bytes)), java.util.Set.of());
  }

  /** Makes a commit on a branch. */
  public synchronized String commit(
      String branch, String message, Map<String, DoubleFile> changes, Iterable<String> deleted) {
    String parent = revisions.getOrDefault(branch, "");
    Map<String, DoubleFile> files = new TreeMap<>(commits.getOrDefault(parent, Map.of()));
    files.putAll(changes);
    deleted.forEach(files::remove);
    StringBuilder text = new StringBuilder(id + parent + message + commits.size());
    files.forEach((name, file) -> text.append(name).append(file.etag()));
    String sha = Hashes.sha1(text.toString());
    commits.put(sha, files);
    messages.put(sha, message);
    revisions.put(branch, sha);
    return sha;
  }

  /** Makes a branch or a tag point to a commit. */
  public synchronized void point(String revision, String commit) {
    revisions.put(revision, commit);
  }

  /** The commit of a branch, a tag, or a commit's own name or the beginning of it. */
  public synchronized Optional<String> resolve(String revision) {
    if (commits.containsKey(revision)) {
      return Optional.of(revision);
    }
    if (revision.matches("[0-9a-f]{7,39}")) {
      return commits.keySet().stream().filter(commit -> commit.startsWith(revision)).findFirst();
    }
    return Optional.ofNullable(revisions.get(revision));
  }

  /** Files by name, in order. */
  public synchronized Map<String, DoubleFile> files(String commit) {
    return new TreeMap<>(commits.getOrDefault(commit, Map.of()));
  }

  public synchronized String message(String commit) {
    return messages.getOrDefault(commit, "");
  }
}
