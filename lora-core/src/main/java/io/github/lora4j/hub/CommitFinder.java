package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which commit the options' revision is: asked of the hub, or known to the cache. */
final class CommitFinder {

  private static final Logger LOG = LoggerFactory.getLogger(CommitFinder.class);

  private final HubOptions options;
  private final HubCache cache;
  private final Listing listing;

  CommitFinder(HubOptions options, HubCache cache, Listing listing) {
    this.options = options;
    this.cache = cache;
    this.listing = listing;
  }

  /** Something to ask of a commit before the network is given up or waited for. */
  @FunctionalInterface
  interface Question {
    boolean of(String commit) throws IOException;
  }

  /** The commit to take; if the hub does not answer, the one that is cached, if that is enough. */
  String commit(HubRepository repository, Question enough) throws IOException {
    String revision = options.revision();
    if (HubPath.isCommit(revision)) {
      return revision;
    }
    Optional<String> known = cache.commit(repository, revision);
    if (options.offline()) {
      return known.orElseThrow(() -> notCached(repository, List.of()));
    }
    boolean usable = known.isPresent() && enough.of(known.get());
    try {
      Listing asking = usable ? new Listing(impatient(), options) : listing;
      String commit = asking.commit(repository, revision);
      cache.writeRef(repository, revision, commit);
      return commit;
    } catch (HubException e) {
      if (usable && mayPass(e)) {
        LOG.warn("{}; {} is used as it was cached", e.getMessage(), repository);
        return known.get();
      }
      throw e;
    }
  }

  /** Asks once: there is something in the cache to go on with. */
  HubHttp impatient() {
    return new HubHttp(options.withRetries(0));
  }

  static boolean mayPass(HubException e) {
    return e.kind() == Kind.UNAVAILABLE || e.kind() == Kind.RATE_LIMITED;
  }

  HubException notCached(HubRepository repository, List<String> files) {
    return new HubException(
        Kind.OFFLINE,
        "%s at '%s' is not cached in %s%s, and the hub is switched off by HubOptions.offline or HF_HUB_OFFLINE; switch it on once to load it"
            .formatted(
                repository,
                options.revision(),
                cache.root(),
                files.isEmpty() ? "" : " (missing: " + String.join(", ", files) + ")"));
  }
}
