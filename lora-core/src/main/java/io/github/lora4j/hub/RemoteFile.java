package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;

/**
 * A file to load: all that is needed to tell whether what arrives is it.
 *
 * @param repository whose
 * @param commit full hash
 * @param name within the repository
 * @param etag git's hash of the content or its sha-256
 * @param size bytes
 */
record RemoteFile(HubRepository repository, String commit, String name, String etag, long size) {

  /** No disk holds more, and a sum of a few still fits. */
  static final long MOST_BYTES = Long.MAX_VALUE / 4;

  /** Checks what the hub says before any of it becomes a path. */
  static RemoteFile of(HubRepository repository, String commit, String name, String etag, long size)
      throws HubException {
    HubPath.requireHonest(name, repository);
    if (!HubPath.isCommit(commit) || !HubPath.isHash(etag) || size < 0 || size > MOST_BYTES) {
      throw new HubException(
          Kind.REFUSED,
          ("%s, file '%s': the hub says commit '%s', hash '%s' and %d bytes; without a commit, a"
                  + " git or sha-256 hash and a size nothing can be checked. Is the endpoint a hub?")
              .formatted(
                  repository, name, HubText.printable(commit), HubText.printable(etag), size));
    }
    return new RemoteFile(repository, commit, name, etag, size);
  }

  /** Where the hub gives it. */
  String address() {
    return repository.web() + "/resolve/" + commit + "/" + HubText.path(name);
  }

  HubSubject subject() {
    return HubSubject.of(repository).at(commit).file(name);
  }
}
