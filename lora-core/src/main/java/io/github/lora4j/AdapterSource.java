package io.github.lora4j;

import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Supplies adapters by id: from a directory, a hub, a database.
 *
 * <pre>{@code
 * AdapterSource files = AdapterSource.directory(Path.of("adapters"));
 * AdapterSource hub = AdapterSource.hub(HubOptions.builder().build());
 * AdapterSource rows = id -> AdapterFiles.of(id, configOf(id), ByteBuffer.wrap(weightsOf(id)));
 * }</pre>
 *
 * <p>Called from any number of threads at once. Ids may come from requests: a source trusts none.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface AdapterSource {

  /**
   * Looks an adapter up, fetching it first if it is far away.
   *
   * @param id what names it in this source
   * @return its files, readable at least until the adapter is loaded
   * @throws IOException if there is no such adapter or it cannot be fetched; {@link
   *     java.io.InterruptedIOException} if the thread was interrupted
   * @throws IllegalArgumentException if the id is not of the kind that this source has
   */
  AdapterFiles fetch(String id) throws IOException;

  /**
   * The adapters in the sub-directories of a directory, as PEFT lays out several of them: the id is
   * a sub-directory's name, or several joined by {@code /}. What leads out of the root is refused,
   * also by a symbolic link; the files in an adapter's directory may be links, as they are in
   * Hugging Face's cache.
   *
   * @param root their common directory; read anew at every fetch
   * @return the source
   */
  static AdapterSource directory(Path root) {
    Objects.requireNonNull(root, "root");
    return id -> AdapterFiles.in(root, id);
  }

  /**
   * The adapters on the hub, by ids such as {@code me/squad-bloom-3b}; loaded into the cache that
   * the hub's tools share, and taken from there afterwards. An id is never a directory's name.
   *
   * @param options revision, token, subfolder, whether the network may be used
   * @return the source; its {@link #fetch} throws {@link io.github.lora4j.hub.HubException} if the
   *     hub cannot give an adapter, and {@link IllegalArgumentException} for what is no id
   */
  static AdapterSource hub(HubOptions options) {
    HubClient client = HubClient.of(options);
    return id -> FilesInDirectory.onHub(client, id);
  }
}
