package io.github.lora4j.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Whether the files of a commit that somebody needs are in the cache already. */
final class CachedFiles {

  private final HubCache cache;
  private final boolean offline;

  CachedFiles(HubCache cache, boolean offline) {
    this.cache = cache;
    this.offline = offline;
  }

  /** Whether all that a model needs is there. */
  boolean hasModel(HubRepository repository, String commit, String prefix) throws IOException {
    for (String name : ModelFiles.REQUIRED) {
      if (cache.file(repository, commit, prefix + name).isEmpty()
          && !mayBeMissing(repository, commit, prefix, name)) {
        return false;
      }
    }
    Path index = cache.pointer(repository, commit, prefix + ModelFiles.INDEX);
    return hasAll(repository, commit, ModelFiles.weights(index, prefix));
  }

  /** A model loads without it, which is better than not at all, and right where there is none. */
  private boolean mayBeMissing(
      HubRepository repository, String commit, String prefix, String name) {
    return name.equals(ModelFiles.TOKENIZER_CONFIG)
        && (offline || cache.isKnownMissing(repository, commit, prefix + name));
  }

  /** Whether an adapter's configuration and weights are there. */
  boolean hasAdapter(HubRepository repository, String commit, String prefix) throws IOException {
    return hasAll(repository, commit, List.of(prefix + AdapterNames.CONFIG))
        && (hasAll(repository, commit, List.of(prefix + AdapterNames.WEIGHTS))
            || hasAll(repository, commit, List.of(prefix + AdapterNames.LEGACY)));
  }

  private boolean hasAll(HubRepository repository, String commit, List<String> names)
      throws IOException {
    for (String name : names) {
      if (cache.file(repository, commit, name).isEmpty()) {
        return false;
      }
    }
    return true;
  }
}
