package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One file of a repository by its name, without a listing of the others. */
final class OneFile {

  private static final Logger LOG = LoggerFactory.getLogger(OneFile.class);

  private final HubOptions options;
  private final HubCache cache;
  private final HubHttp http;
  private final CommitFinder finder;
  private final CommitFiles files;

  OneFile(
      HubOptions options, HubCache cache, HubHttp http, CommitFinder finder, CommitFiles files) {
    this.options = options;
    this.cache = cache;
    this.http = http;
    this.finder = finder;
    this.files = files;
  }

  /** The file in the cache, loaded if it is not there as it is now. */
  Path load(HubRepository repository, String file) throws IOException {
    Optional<String> known = cache.commit(repository, options.revision());
    Optional<Path> cached =
        known.isPresent() ? cache.file(repository, known.get(), file) : Optional.empty();
    boolean settled = options.offline() || HubPath.isCommit(options.revision());
    if (cached.isPresent() && settled) {
      return cached.get();
    }
    if (known.isPresent() && settled && cache.isKnownMissing(repository, known.get(), file)) {
      throw new HubException(
          Kind.FILE_NOT_FOUND,
          "%s has no file '%s' at '%s'".formatted(repository, file, options.revision()));
    }
    if (options.offline()) {
      throw finder.notCached(repository, List.of(file));
    }
    RemoteFile remote;
    try {
      HubHttp asking = cached.isPresent() ? finder.impatient() : http;
      remote = new FileQuestion(asking, cache).ask(repository, options.revision(), file);
    } catch (HubException e) {
      if (cached.isPresent() && CommitFinder.mayPass(e)) {
        LOG.warn("{}; {} is used as it was cached", e.getMessage(), file);
        return cached.get();
      }
      throw e;
    }
    cache.writeRef(repository, options.revision(), remote.commit());
    files.load(List.of(remote), 1, options.progress());
    return cache.pointer(repository, remote.commit(), file);
  }
}
