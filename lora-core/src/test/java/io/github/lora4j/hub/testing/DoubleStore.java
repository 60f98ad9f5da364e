package io.github.lora4j.hub.testing;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What a double holds: repositories, large content by hash, and the tokens that it knows. */
public final class DoubleStore {

  private final Map<String, DoubleRepository> repositories = new LinkedHashMap<>();
  private final Map<String, byte[]> large = new LinkedHashMap<>();
  private final Map<String, String> users = new LinkedHashMap<>();

  /** A new repository of a model. */
  public DoubleRepository model(String id) {
    return create("models", id);
  }

  /** A new repository of data. */
  public DoubleRepository dataset(String id) {
    return create("datasets", id);
  }

  public synchronized DoubleRepository create(String kind, String id) {
    DoubleRepository repository = new DoubleRepository(kind, id);
    repositories.put(kind + "/" + id, repository);
    return repository;
  }

  public synchronized Optional<DoubleRepository> find(String kind, String id) {
    return Optional.ofNullable(repositories.get(kind + "/" + id));
  }

  /** Makes a token known. */
  public synchronized void addUser(String token, String name) {
    users.put(token, name);
  }

  public synchronized Optional<String> user(String token) {
    return Optional.ofNullable(users.get(token));
  }

  /** Keeps large content that no commit names yet. */
  public synchronized void putLarge(String sha256, byte[] bytes) {
    large.put(sha256, bytes);
  }

  /** Large content by its hash, uploaded or of any commit asked for so far. */
  public synchronized Optional<byte[]> large(String sha256) {
    return Optional.ofNullable(large.get(sha256));
  }
}
