package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * {@code /{id}/resolve/{revision}/{file}}: large files are on the other host, at an address with a
 * signature; small ones are one relative redirect away, as on the real hub.
 */
final class ResolveRoute implements DoubleRoute {

  static final String CACHE = "resolve-cache";

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (!exchange.method().matches("GET|HEAD")) {
      return false;
    }
    List<String> path = exchange.segments();
    if (!exchange.onStorageHost() && path.size() > 6 && path.get(1).equals(CACHE)) {
      return content(exchange, path);
    }
    Optional<DoubleAddress> asked = DoubleAddress.ofWeb(exchange);
    if (asked.isEmpty() || !asked.get().action().equals("resolve")) {
      return false;
    }
    DoubleAddress address = asked.get();
    Optional<DoubleRepository> repository = address.repository(exchange);
    if (repository.isEmpty()) {
      return true;
    }
    if (repository.get().isGated() && exchange.user().isEmpty()) {
      return exchange.refuse(
          401, "GatedRepo", "Access to model " + address.id() + " is restricted");
    }
    Optional<String> commit = address.commit(exchange, repository.get(), address.rest().get(0));
    if (commit.isEmpty()) {
      return true;
    }
    String name = String.join("/", address.rest().subList(1, address.rest().size()));
    return file(exchange, address, repository.get(), commit.get(), name);
  }

  private static boolean file(
      DoubleExchange exchange,
      DoubleAddress address,
      DoubleRepository repository,
      String commit,
      String name)
      throws IOException {
    exchange.set("X-Repo-Commit", commit);
    DoubleFile file = repository.files(commit).get(name);
    if (file == null) {
      return exchange.refuse(404, "EntryNotFound", "Entry not found");
    }
    exchange.set("X-Linked-Size", String.valueOf(file.bytes().length));
    exchange.set("X-Linked-Etag", "\"" + file.etag() + "\"");
    exchange.set("Accept-Ranges", "bytes");
    if (file.isLarge()) {
      exchange.set("X-Xet-Hash", file.xetHash());
      exchange.set(
          "Link",
          "<%s/api/%s/%s/xet-read-token/%s>; rel=\"xet-auth\""
              .formatted(exchange.hub().endpoint(), address.kind(), address.id(), commit));
      exchange.hub().store().putLarge(file.etag(), file.bytes());
      return exchange.redirect(
          302,
          "%s/%s/%s?X-Amz-Signature=%s&response-content-disposition=inline"
              .formatted(
                  exchange.hub().storage(),
                  StorageRoute.PREFIX,
                  file.etag(),
                  StorageRoute.SIGNATURE));
    }
    exchange.set("ETag", "\"" + file.etag() + "\"");
    String from = "/resolve/" + exchange.path().split("/resolve/", 2)[1].split("/", 2)[0] + "/";
    String rest = exchange.path().substring(exchange.path().indexOf(from) + from.length());
    return exchange.redirect(
        307,
        "/api/%s/%s/%s/%s/%s".formatted(CACHE, address.kind(), padded(address.id()), commit, rest));
  }

  /** Old ids have no organisation; the address of the content has a place for it all the same. */
  private static String padded(String id) {
    return id.contains("/") ? id : "_/" + id;
  }

  private static boolean content(DoubleExchange exchange, List<String> path) throws IOException {
    String id = path.get(3).equals("_") ? path.get(4) : path.get(3) + "/" + path.get(4);
    String commit = path.get(5);
    String name = String.join("/", path.subList(6, path.size()));
    Optional<DoubleFile> file =
        exchange
            .hub()
            .store()
            .find(path.get(2), id)
            .filter(it -> (!it.isPrivate() && !it.isGated()) || exchange.user().isPresent())
            .flatMap(it -> Optional.ofNullable(it.files(commit).get(name)));
    if (file.isEmpty()) {
      return exchange.refuse(404, "EntryNotFound", "Entry not found");
    }
    exchange.set("X-Repo-Commit", commit);
    exchange.set("ETag", "\"" + file.get().etag() + "\"");
    return Ranges.send(exchange, file.get().bytes());
  }
}
