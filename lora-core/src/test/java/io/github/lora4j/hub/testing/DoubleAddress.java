package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * What the beginning of a path means.
 *
 * @param kind {@code models} or {@code datasets}
 * @param id of the repository, {@code name} or {@code organisation/name}
 * @param action e.g. {@code tree}; empty for none
 * @param rest the segments after the action
 */
public record DoubleAddress(String kind, String id, String action, List<String> rest) {

  /** Of {@code /api/models/me/x/tree/main}. */
  public static Optional<DoubleAddress> ofApi(DoubleExchange exchange) {
    List<String> path = exchange.segments();
    if (exchange.onStorageHost()
        || path.size() < 3
        || !path.get(0).equals("api")
        || !path.get(1).matches("models|datasets")) {
      return Optional.empty();
    }
    return Optional.of(split(path.get(1), path.subList(2, path.size())));
  }

  /** Of {@code /me/x/resolve/main/config.json} and {@code /datasets/me/x/resolve/…}. */
  public static Optional<DoubleAddress> ofWeb(DoubleExchange exchange) {
    List<String> path = exchange.segments();
    if (exchange.onStorageHost() || path.get(0).equals("api")) {
      return Optional.empty();
    }
    return path.get(0).equals("datasets")
        ? Optional.of(split("datasets", path.subList(1, path.size())))
        : Optional.of(split("models", path));
  }

  private static DoubleAddress split(String kind, List<String> path) {
    boolean single = path.size() == 1 || path.get(1).matches("resolve|revision|tree");
    int used = single ? 1 : 2;
    String action = path.size() > used ? path.get(used) : "";
    List<String> rest =
        path.size() > used ? path.subList(used + 1, path.size()) : List.<String>of();
    return new DoubleAddress(kind, String.join("/", path.subList(0, used)), action, rest);
  }

  /** The repository if this caller may see it; if not, it was answered that there is none. */
  public Optional<DoubleRepository> repository(DoubleExchange exchange) throws IOException {
    Optional<DoubleRepository> found =
        exchange
            .hub()
            .store()
            .find(kind, id)
            .filter(it -> !it.isPrivate() || exchange.user().isPresent());
    if (found.isEmpty()) {
      boolean known = exchange.user().isPresent();
      exchange.refuse(known ? 404 : 401, "RepoNotFound", "Repository not found");
    }
    return found;
  }

  /** The commit of a revision; if there is none, that was answered. */
  public Optional<String> commit(
      DoubleExchange exchange, DoubleRepository repository, String revision) throws IOException {
    Optional<String> commit = repository.resolve(revision);
    if (commit.isEmpty()) {
      exchange.refuse(404, "RevisionNotFound", "Invalid rev id: " + revision);
    }
    return commit;
  }
}
