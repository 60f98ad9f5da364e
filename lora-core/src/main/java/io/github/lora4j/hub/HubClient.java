package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
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

  /** Room that shall be left for others when a download is done, bytes. */
  private static final long SPARE = 16L << 20;

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
  private final HubHttp http;
  private final Listing listing;
  private final HubDisk disk;

  HubClient(HubOptions options, HubDisk disk) {
    this.options = options;
    this.cache = new HubCache(options.cache(), options.links());
    this.http = new HubHttp(options);
    this.listing = new Listing(http, options);
    this.disk = disk;
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
    String commit = commit(repository, c -> hasModel(repository, c, prefix));
    Path directory = cache.snapshot(repository, commit).resolve(options.subfolder().orElse(""));
    if (hasModel(repository, commit, prefix)) {
      inspection.inspect(directory);
      return directory;
    }
    Map<String, TreeEntry> files = files(repository, commit);
    ModelFiles.requireWeights(files.keySet(), prefix, HubSubject.of(repository).at(commit));
    List<String> small = ModelFiles.small(files.keySet(), prefix);
    fetch(repository, commit, files, small, List.of(), state -> {});
    inspection.inspect(directory);
    List<String> weights = ModelFiles.weights(directory.resolve(ModelFiles.INDEX), prefix);
    fetch(repository, commit, files, weights, small, options.progress());
    return directory;
  }

  /** Whether all that a model needs is in the cache. */
  private boolean hasModel(HubRepository repository, String commit, String prefix)
      throws IOException {
    for (String name : ModelFiles.REQUIRED) {
      if (cache.file(repository, commit, prefix + name).isEmpty()) {
        return false;
      }
    }
    Path index = cache.pointer(repository, commit, prefix + ModelFiles.INDEX);
    return hasAll(repository, commit, ModelFiles.weights(index, prefix));
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
    String commit = commit(repository, c -> hasAdapter(repository, c, prefix));
    Path directory = cache.snapshot(repository, commit).resolve(options.subfolder().orElse(""));
    if (!hasAdapter(repository, commit, prefix)) {
      Map<String, TreeEntry> files = files(repository, commit);
      List<String> wanted =
          AdapterNames.choose(files.keySet(), prefix, HubSubject.of(repository).at(commit));
      fetch(repository, commit, files, wanted, List.of(), options.progress());
    }
    return directory;
  }

  private boolean hasAdapter(HubRepository repository, String commit, String prefix)
      throws IOException {
    return hasAll(repository, commit, List.of(prefix + AdapterNames.CONFIG))
        && (hasAll(repository, commit, List.of(prefix + AdapterNames.WEIGHTS))
            || hasAll(repository, commit, List.of(prefix + AdapterNames.LEGACY)));
  }

  /**
   * Loads the files of a repository that match.
   *
   * @param repository of anything
   * @param patterns which; names begin at the repository's root, or at the options' subfolder
   * @return the directory of its commit in the cache, or the options' subfolder of it
   * @throws HubException if the hub cannot give them
   * @throws IOException if a file cannot be read or written
   */
  public Path snapshot(HubRepository repository, HubPatterns patterns) throws IOException {
    String prefix = prefix();
    String commit = commit(repository, c -> Files.isDirectory(cache.snapshot(repository, c)));
    Path directory = cache.snapshot(repository, commit).resolve(options.subfolder().orElse(""));
    Optional<Map<String, TreeEntry>> known = TreeFile.read(cache.tree(repository, commit));
    if (options.offline() && known.isEmpty() && Files.isDirectory(directory)) {
      return directory; // loaded file by file: nobody knows what else the commit has
    }
    Map<String, TreeEntry> files = known.isPresent() ? known.get() : files(repository, commit);
    List<String> wanted =
        files.keySet().stream()
            .filter(n -> n.startsWith(prefix) && patterns.matches(n.substring(prefix.length())))
            .toList();
    fetch(repository, commit, files, wanted, List.of(), options.progress());
    return directory;
  }

  /**
   * The names of a repository's files, within the options' subfolder if one is set.
   *
   * @param repository of anything
   * @return in order, as the hub lists them
   * @throws HubException if the hub cannot list them
   * @throws IOException if the cache cannot be read
   */
  public List<String> list(HubRepository repository) throws IOException {
    String prefix = prefix();
    String commit = commit(repository, c -> TreeFile.read(cache.tree(repository, c)).isPresent());
    return files(repository, commit).keySet().stream()
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
    String file = HubPath.requireFile(prefix() + name);
    Optional<String> known = cache.commit(repository, options.revision());
    Optional<Path> cached =
        known.isPresent() ? cache.file(repository, known.get(), file) : Optional.empty();
    if (cached.isPresent() && (options.offline() || HubPath.isCommit(options.revision()))) {
      return cached.get();
    }
    if (known.isPresent()
        && cache.isKnownMissing(repository, known.get(), file)
        && (options.offline() || HubPath.isCommit(options.revision()))) {
      throw new HubException(
          Kind.FILE_NOT_FOUND,
          "%s has no file '%s' at '%s'".formatted(repository, file, options.revision()));
    }
    if (options.offline()) {
      throw notCached(repository, List.of(file));
    }
    RemoteFile remote;
    try {
      HubHttp asking = cached.isPresent() ? impatient() : http;
      remote = new FileQuestion(asking, cache).ask(repository, options.revision(), file);
    } catch (HubException e) {
      if (cached.isPresent() && mayPass(e)) {
        LOG.warn("{}; {} is used as it was cached", e.getMessage(), file);
        return cached.get();
      }
      throw e;
    }
    cache.writeRef(repository, options.revision(), remote.commit());
    load(List.of(remote), 1, options.progress());
    return cache.pointer(repository, remote.commit(), file);
  }

  /** Something to ask of a commit before the network is given up or waited for. */
  @FunctionalInterface
  private interface Question {
    boolean of(String commit) throws IOException;
  }

  /** The commit to take; if the hub does not answer, the one that is cached, if that is enough. */
  private String commit(HubRepository repository, Question enough) throws IOException {
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
  private HubHttp impatient() {
    return new HubHttp(options.withRetries(0));
  }

  private static boolean mayPass(HubException e) {
    return e.kind() == Kind.UNAVAILABLE || e.kind() == Kind.RATE_LIMITED;
  }

  private Map<String, TreeEntry> files(HubRepository repository, String commit) throws IOException {
    Path tree = cache.tree(repository, commit);
    Optional<Map<String, TreeEntry>> known = TreeFile.read(tree);
    if (known.isPresent()) {
      return known.get();
    }
    if (options.offline()) {
      throw notCached(repository, List.of());
    }
    Map<String, TreeEntry> files = listing.files(repository, commit);
    TreeFile.write(tree, files);
    return files;
  }

  private void fetch(
      HubRepository repository,
      String commit,
      Map<String, TreeEntry> files,
      List<String> names,
      List<String> before,
      Consumer<HubProgress> progress)
      throws IOException {
    List<RemoteFile> missing = new ArrayList<>();
    for (String name : names) {
      TreeEntry entry = files.get(name);
      if (entry == null) {
        throw new HubException(
            Kind.FILE_NOT_FOUND,
            "%s at '%s' has no file '%s', which its index names"
                .formatted(repository, commit, HubText.printable(name)));
      }
      RemoteFile file = RemoteFile.of(repository, commit, name, entry.etag(), entry.size());
      if (cache.file(repository, commit, name).isEmpty()) {
        missing.add(file);
      }
    }
    if (options.offline() && !missing.isEmpty()) {
      throw notCached(repository, missing.stream().map(RemoteFile::name).toList());
    }
    load(missing, before.size() + names.size(), progress);
  }

  private void load(List<RemoteFile> missing, int all, Consumer<HubProgress> progress)
      throws IOException {
    if (missing.isEmpty()) {
      return;
    }
    long total = 0;
    long present = 0;
    for (RemoteFile file : missing) {
      if (!Files.isRegularFile(cache.blob(file.repository(), file.etag()))) {
        total += file.size();
        present += Download.present(cache, file);
      }
    }
    requireRoom(missing.get(0).repository(), total - present);
    Meter meter =
        new Meter(
            missing.get(0).repository(),
            all,
            all - missing.size(),
            total,
            present,
            options,
            progress);
    List<Callable<Path>> tasks = new ArrayList<>();
    for (RemoteFile file : missing) {
      tasks.add(new Download(http, cache, options, file, meter)::run);
    }
    Parallel.run(tasks, options.parallelDownloads());
  }

  private void requireRoom(HubRepository repository, long wanted) throws IOException {
    Files.createDirectories(cache.root());
    long usable = disk.usable(cache.root());
    if (usable < wanted + SPARE) {
      throw new HubException(
          Kind.DISK_FULL,
          "%s needs %s more in %s, where %s are free; make room, or set another cache by HF_HUB_CACHE or HubOptions.cache"
              .formatted(repository, HubText.bytes(wanted), cache.root(), HubText.bytes(usable)));
    }
  }

  private HubException notCached(HubRepository repository, List<String> files) {
    return new HubException(
        Kind.OFFLINE,
        "%s at '%s' is not cached in %s%s, and the hub is switched off by HubOptions.offline or HF_HUB_OFFLINE; switch it on once to load it"
            .formatted(
                repository,
                options.revision(),
                cache.root(),
                files.isEmpty() ? "" : " (missing: " + String.join(", ", files) + ")"));
  }

  private String prefix() {
    return options.subfolder().map(folder -> folder + "/").orElse("");
  }

  /** An entity tag without its quotes and its mark of weakness. */
  static String bare(String etag) {
    String text = etag.strip();
    return (text.startsWith("W/") ? text.substring(2) : text).replace("\"", "");
  }
}
