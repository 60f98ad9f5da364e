package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Downloads from the hub into the cache that all its tools on a machine share.
 *
 * <pre>{@code
 * HubClient hub = HubClient.of(HubOptions.builder().revision("v1.0").build());
 * Path directory = hub.snapshot(HubRepository.model("me/x"), HubPatterns.of("*.json"));
 * }</pre>
 *
 * <p>All files of a snapshot are of one commit. Nothing is visible in the cache before its length
 * and hash are right; an interrupted download goes on at the next call. What is cached is not asked
 * for again; a branch is asked where it is, once a call, unless {@linkplain HubOptions#offline()
 * offline}. With a full commit hash and everything cached, no connection is opened.
 *
 * <p>A thread that waits for a download may be interrupted: all of its transfers end, and an {@link
 * java.io.InterruptedIOException} follows. Safe for use from many threads.
 *
 * @since 0.1.0
 */
public final class HubClient {

  private static final Logger LOG = LoggerFactory.getLogger(HubClient.class);

  /** Looks at the small files of a model before its weights are loaded. */
  @FunctionalInterface
  public interface Inspection {
    /**
     * Throws if the model is of no use, so that its weights need not be loaded.
     *
     * @param directory with all files but the weights
     * @throws IOException if a file cannot be read
     */
    void inspect(Path directory) throws IOException;
  }

  private final HubOptions options;
  private final HubCache cache;
  private final CachedFiles cached;
  private final CommitFinder finder;
  private final CommitFiles commitFiles;
  private final OneFile oneFile;

  HubClient(HubOptions options, HubDisk disk) {
    this.options = options;
    this.cache = new HubCache(options.cache(), options.links());
    this.cached = new CachedFiles(cache, options.offline());
    HubHttp http = new HubHttp(options);
    Listing listing = new Listing(http, options);
    this.finder = new CommitFinder(options, cache, listing);
    this.commitFiles = new CommitFiles(options, cache, http, listing, finder, disk);
    this.oneFile = new OneFile(options, cache, http, finder, commitFiles);
  }

  /**
   * A client. Opens nothing yet.
   *
   * @param options how to use the hub
   * @return the client
   */
  public static HubClient of(HubOptions options) {
    return new HubClient(options, HubDisk.SYSTEM);
  }

  /**
   * The cache that this downloads into.
   *
   * @return the cache
   */
  public HubCache cache() {
    return cache;
  }

  /**
   * The directory of a base model: one that exists, else the model of this id on the hub, of which
   * only what is needed is loaded: the configuration, the tokenizer, and the weights as
   * safetensors.
   *
   * @param directoryOrId a directory, or an id such as {@code bigscience/bloom-560m}
   * @param inspection looks at the small files before the weights are loaded; of a directory that
   *     exists, at the directory
   * @return with all files of the model
   * @throws NoSuchFileException if it is neither
   * @throws HubException if the hub cannot give it
   * @throws IOException if a file cannot be read or written
   */
  public Path modelDirectory(String directoryOrId, Inspection inspection) throws IOException {
    Optional<Path> local = localDirectory(directoryOrId);
    if (local.isPresent()) {
      inspection.inspect(local.get());
      return local.get();
    }
    try {
      return model(HubRepository.model(directoryOrId), inspection);
    } catch (HubException e) {
      throw notLocalEither(directoryOrId, e);
    }
  }

  /**
   * The directory of an adapter: one that exists, else the adapter of this id on the hub.
   *
   * @param directoryOrId a directory, or an id such as {@code me/squad-bloom-3b}
   * @return with PEFT's files
   * @throws NoSuchFileException if it is neither
   * @throws HubException if the hub cannot give it
   * @throws IOException if a file cannot be read or written
   */
  public Path adapterDirectory(String directoryOrId) throws IOException {
    Optional<Path> local = localDirectory(directoryOrId);
    if (local.isPresent()) {
      return local.get();
    }
    try {
      return adapter(HubRepository.model(directoryOrId));
    } catch (HubException e) {
      throw notLocalEither(directoryOrId, e);
    }
  }

  /**
   * The directory of this name, if there is one; needs neither options nor a connection.
   *
   * @param directoryOrId a directory, or an id on the hub
   * @return empty if it can only be an id
   * @throws NoSuchFileException if it is no directory and can be no id either
   */
  public static Optional<Path> localDirectory(String directoryOrId) throws NoSuchFileException {
    try {
      Path path = Path.of(directoryOrId);
      if (Files.isDirectory(path)) {
        return Optional.of(path);
      }
    } catch (InvalidPathException e) {
      LOG.debug("'{}' is no path", HubText.printable(directoryOrId));
    }
    if (HubRepository.isId(directoryOrId)) {
      return Optional.empty();
    }
    throw new NoSuchFileException(
        HubText.printable(directoryOrId),
        null,
        "not a directory, and no id on the hub, which would be 'organisation/name'");
  }

  private static HubException notLocalEither(String directoryOrId, HubException e) {
    return e.kind() == Kind.REPOSITORY_NOT_FOUND
        ? new HubException(
            e.kind(),
            "there is no directory '%s', so the hub was asked: %s"
                .formatted(directoryOrId, e.getMessage()),
            e)
        : e;
  }

  /**
   * Loads a base model: what is needed of it and nothing else.
   *
   * @param repository of a model
   * @param inspection looks at the small files before the weights are loaded
   * @return the directory of its commit in the cache, or the options' subfolder of it
   * @throws HubException if the hub cannot give it, or it has no weights as safetensors
   * @throws IOException if a file cannot be read or written
   */
  public Path model(HubRepository repository, Inspection inspection) throws IOException {
    String prefix = prefix();
    String commit = finder.commit(repository, c -> cached.hasModel(repository, c, prefix));
    Path directory = cache.snapshot(repository, commit).resolve(options.subfolder().orElse(""));
    if (cached.hasModel(repository, commit, prefix)) {
      inspection.inspect(directory);
      return directory;
    }
    Map<String, TreeEntry> files = commitFiles.list(repository, commit);
    ModelFiles.requireWeights(files.keySet(), prefix, HubSubject.of(repository).at(commit));
    List<String> small = ModelFiles.small(files.keySet(), prefix);
    commitFiles.fetch(repository, commit, files, small, 0, state -> {});
    inspection.inspect(directory);
    List<String> weights = ModelFiles.weights(directory.resolve(ModelFiles.INDEX), prefix);
    commitFiles.fetch(repository, commit, files, weights, small.size(), options.progress());
    return directory;
  }

  /**
   * Loads an adapter: its configuration and its weights.
   *
   * @param repository of an adapter
   * @return the directory of its commit in the cache, or the options' subfolder of it
   * @throws HubException if the hub cannot give it
   * @throws IOException if a file cannot be read or written
   */
  public Path adapter(HubRepository repository) throws IOException {
    String prefix = prefix();
    String commit = finder.commit(repository, c -> cached.hasAdapter(repository, c, prefix));
    Path directory = cache.snapshot(repository, commit).resolve(options.subfolder().orElse(""));
    if (!cached.hasAdapter(repository, commit, prefix)) {
      Map<String, TreeEntry> files = commitFiles.list(repository, commit);
      List<String> wanted =
          AdapterNames.choose(files.keySet(), prefix, HubSubject.of(repository).at(commit));
      commitFiles.fetch(repository, commit, files, wanted, 0, options.progress());
    }
    return directory;
  }

  /**
   * Loads the files of a repository that match.
   *
   * @param repository of anything
   * @param patterns which; names begin at the repository's root, or at the options' subfolder
   * @return the directory of its commit in the cache, or the options' subfolder of it
   * @throws HubException if the hub cannot give them, or no file matches
   * @throws IOException if a file cannot be read or written
   */
  public Path snapshot(HubRepository repository, HubPatterns patterns) throws IOException {
    String prefix = prefix();
    String commit =
        finder.commit(repository, c -> Files.isDirectory(cache.snapshot(repository, c)));
    Path directory = cache.snapshot(repository, commit).resolve(options.subfolder().orElse(""));
    Optional<Map<String, TreeEntry>> known = cache.listing(repository, commit);
    if (options.offline() && known.isEmpty() && Files.isDirectory(directory)) {
      return directory; // loaded file by file: nobody knows what else the commit has
    }
    Map<String, TreeEntry> files =
        known.isPresent() ? known.get() : commitFiles.list(repository, commit);
    List<String> wanted =
        files.keySet().stream()
            .filter(n -> n.startsWith(prefix) && patterns.matches(n.substring(prefix.length())))
            .toList();
    if (wanted.isEmpty()) {
      throw new HubException(
          Kind.FILE_NOT_FOUND,
          "%s at '%s' has no file that was asked for; HubClient.list names those it has"
              .formatted(repository, options.revision()));
    }
    commitFiles.fetch(repository, commit, files, wanted, 0, options.progress());
    return directory;
  }

  /**
   * The names of a repository's files, within the options' subfolder if one is set. Offline, where
   * nobody ever asked for all of them, those that are cached.
   *
   * @param repository of anything
   * @return in order; names that would lead out of a directory are left out
   * @throws HubException if the hub cannot list them
   * @throws IOException if the cache cannot be read
   */
  public List<String> list(HubRepository repository) throws IOException {
    String prefix = prefix();
    String commit = finder.commit(repository, c -> cache.listing(repository, c).isPresent());
    return commitFiles.names(repository, commit).stream()
        .filter(name -> name.startsWith(prefix))
        .map(name -> name.substring(prefix.length()))
        .toList();
  }

  /**
   * Loads one file.
   *
   * @param repository of anything
   * @param name within the repository, or within the options' subfolder
   * @return the file in the cache
   * @throws HubException if the hub cannot give it
   * @throws IOException if it cannot be read or written
   * @throws IllegalArgumentException if the name leads out of the repository
   */
  public Path download(HubRepository repository, String name) throws IOException {
    return oneFile.load(repository, HubPath.requireFile(prefix() + name));
  }

  private String prefix() {
    return options.subfolder().map(folder -> folder + "/").orElse("");
  }
}
